"""`swctl tables`: what a daemon's answer looks like."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from streamwatchd.cli import main
from streamwatchd.cli import tables as command


def test_tables_are_listed_with_the_age_of_their_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fetches of those that are fetched."""
    plain = {"rows": 3, "columns": ["role"], "digest": "0123456789abcdef"}
    tables = [
        plain | {"table": "devices", "age_seconds": 3_725.4, "fetches": {"ok": 7, "failed": 2}},
        plain | {"table": "sites", "age_seconds": None, "fetches": None},
    ]
    monkeypatch.setattr(command, "ask", lambda path, name: {"at": "now", "tables": tables})
    shown = CliRunner().invoke(main, ["tables", "--socket", "x"], catch_exceptions=False).stdout
    assert shown.splitlines() == [
        "table    rows        age       version  fetches",
        "devices     3  1 h 2 min  0123456789ab  7 ok, 2 failed",
        "sites       3          –  0123456789ab  –",
    ]
