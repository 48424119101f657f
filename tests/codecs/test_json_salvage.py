"""Records that did not fit: read together or by hand, they are the same."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamwatchd.codecs.base import EventSchema
from streamwatchd.codecs.json_kinds import MAX_TEXT, TIME_TYPES, TYPES
from streamwatchd.codecs.json_salvage import Salvager
from streamwatchd.lang.typed import Kind

_VALUES = (
    "1", "-2.5", "1e400", '"a"', '"\\ud800"', "true", "null", "[1]", "{}", '{"b":1}', '{"b":"x"}', "9" * 400, "NaN", "",
    f'"{"x" * (MAX_TEXT + 1)}"',
)  # fmt: skip
_NAMES = ("ts", "cpu", "host", "up", "a.b", "a", "n")


def _salvager(time: str, declared: dict[str, Kind], inferred: dict[str, Kind]) -> Salvager:
    kinds = {**inferred, **declared}
    types = {name: TYPES[kind] for name, kind in kinds.items()}
    if time:
        types[time] = TIME_TYPES[declared.get(time)]
    return Salvager(EventSchema(declared, inferred, time), kinds, types, time)


@st.composite
def _records(draw: st.DrawFn) -> bytes:
    pairs = draw(st.lists(st.tuples(st.sampled_from(_NAMES), st.sampled_from(_VALUES)), max_size=4))
    return (
        "{" + ",".join(f'"{name}":{value}' for name, value in pairs) + draw(st.sampled_from(["}", "}", ""]))
    ).encode()


def _fits(kind: Kind | None, value: Any) -> Any:
    """What becomes of the value of an undeclared field."""
    types = {Kind.NUMBER: (int, float), Kind.STRING: (str,), Kind.BOOL: (bool,), None: (int, float, str)}[kind]
    return value if type(value) in types else None


@pytest.mark.parametrize("declared", [{}, {"ts": Kind.NUMBER}, {"ts": Kind.STRING}, {"ts": Kind.BOOL}])
@given(payloads=st.lists(_records(), max_size=5), known=st.booleans())
def test_many_at_once_are_what_each_is_by_hand(declared: dict[str, Kind], payloads: list[bytes], known: bool) -> None:
    """The same records are good, with the same values where these fit, and the others are refused for the same
    reasons."""
    some = {"cpu": Kind.NUMBER, "host": Kind.STRING, "up": Kind.BOOL, "a.b": Kind.NUMBER}
    kinds = (declared | some, {}) if known else (declared, some)
    together, by_hand = _salvager("ts", *kinds), _salvager("ts", *kinds)
    by_hand._layout = None
    found = []
    for salvager in (together, by_hand):
        refused: dict[int, str] = {}
        rows, columns = salvager.read(payloads, range(len(payloads)), refused)
        values = {
            row: {name: _fits(some.get(name), column[at]) for name, column in columns.items()}
            for at, row in enumerate(rows)
        }
        found.append((values, refused))
    assert found[0] == found[1]


def test_the_first_declared_field_that_does_not_fit_is_named() -> None:
    """In the order in which they are declared, the time last where it is not."""
    salvager = _salvager("ts", {"host": Kind.STRING, "cpu": Kind.NUMBER}, {"up": Kind.BOOL})
    payloads = [b'{"cpu":"x","host":5}', b'{"cpu":"x"}', b'{"up":5,"ts":"soon"}', b"[1]", b'{"cpu":"x"', b"{"]
    refused: dict[int, str] = {}
    rows, columns = salvager.read(payloads, [0, 1, 2, 3, 4], refused)
    assert refused == {0: "wrong_type: host", 1: "wrong_type: cpu", 3: "not_an_object", 4: "bad_json"}
    assert (rows, columns["ts"], columns["up"]) == ([2], ["soon"], [5.0])


def test_a_field_called_like_the_record_timestamp_is_a_field() -> None:
    """`time: kafka` reads no field of the name."""
    salvager = _salvager("", {"kafka": Kind.NUMBER}, {})
    refused: dict[int, str] = {}
    assert salvager.read([b'{"kafka":true}', b'{"kafka":1}'], [0, 1], refused) == ([1], {"kafka": [1.0]})
    assert refused == {0: "wrong_type: kafka"}
