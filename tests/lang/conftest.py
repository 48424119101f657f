"""One telecom-like source, its table, and the scopes of its rules."""

from __future__ import annotations

import pytest

from streamwatchd.lang.scope import JoinedTable, Scope, Undeclared, judgement_scope, row_scope
from streamwatchd.lang.typed import BOOL, STRING, Kind, Type


def number(unit: str = "") -> Type:
    return Type(Kind.NUMBER, unit)


FIELDS = {
    "cpu": number("percent"),
    "mem": number("percent"),
    "error_rate": number("ratio"),
    "latency": number("ms"),
    "duration": number("s"),
    "octets": number("bytes"),
    "traffic": number("bytes/s"),
    "rssi": number("dBm"),
    "total": number(),
    "up": BOOL,
    "host": STRING,
    "service": STRING,
}
DEVICES = JoinedTable("devices", "host", {"role": STRING, "site": STRING, "weight": number()})
SITES = JoinedTable("sites", "host", {"site": STRING})


@pytest.fixture
def row() -> Scope:
    """Single events of a source that declares its fields."""
    return row_scope("metrics", FIELDS, [DEVICES], undeclared=Undeclared.WARN)


@pytest.fixture
def open_row() -> Scope:
    """Single events of a source that declares nothing."""
    return row_scope("api", {})


@pytest.fixture
def alarm(row: Scope) -> Scope:
    """Where an alarm with aggregates is judged."""
    values = {"cpu5": number("percent"), "share": number("ratio"), "calm": BOOL}
    return judgement_scope(row, {"host": STRING, "mount": STRING}, [DEVICES]).with_values(values)


@pytest.fixture
def kpi(row: Scope) -> Scope:
    """Where the values of a KPI are computed."""
    return judgement_scope(row, {"host": STRING}, kpi=True)


@pytest.fixture
def open_alarm(open_row: Scope) -> Scope:
    """Where an alarm on a source without declared fields is judged."""
    return judgement_scope(open_row, {"service": STRING})


@pytest.fixture
def scopes(row: Scope, open_row: Scope, alarm: Scope, kpi: Scope, open_alarm: Scope) -> dict[str, Scope]:
    return {
        "row": row,
        "open_row": open_row,
        "alarm": alarm,
        "kpi": kpi,
        "open_alarm": open_alarm,
        "clash": row_scope("metrics", FIELDS, [DEVICES, SITES]),
        "closed": row_scope("transactions", FIELDS, undeclared=Undeclared.CLOSED),
    }
