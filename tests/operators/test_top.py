"""Keys with the greatest values: law 6 says who they are (`tests/laws/test_law_6_top.py`); here, what survives."""

from __future__ import annotations

import numpy as np

from streamwatchd.batch import Dictionary, Frame, Strings
from streamwatchd.lang.typed import STRING, Field
from streamwatchd.operators.evaluate import KEY, VALUE
from streamwatchd.operators.spec import KeyColumn, TopKpiSpec, Window
from streamwatchd.operators.top import Top
from streamwatchd.packing import pack, unpack

HOST = KeyColumn("host", Field("host", STRING), "string")
SPEC = TopKpiSpec(
    "kpis:1",
    (),
    "f",
    (HOST,),
    0,
    60_000,
    Window(60_000, 60_000, 0, 60_000),
    0,
    (),
    (),
    None,
    (),
    most=1,
    value="x",
    until=2,
)


def frame(**values: float) -> Frame:
    dictionary = Dictionary()
    hosts = Strings(dictionary.encode(list(values)), dictionary)
    return Frame(np.zeros(len(values), np.int64), {KEY + "host": hosts, VALUE + "x": np.array(list(values.values()))})


def test_equal_values_rank_by_key_and_null_has_no_rank() -> None:
    """So that the order of rows says nothing."""
    found = Top(SPEC).chosen(frame(b=5.0, a=5.0, c=np.nan), np.arange(3), ())
    assert found == {1: 1}


def test_who_is_in_is_kept_over_a_restart() -> None:
    """And one that was never in does not come in at the lower rank."""
    top = Top(SPEC)
    assert top.chosen(frame(a=5.0, b=1.0), np.arange(2), ("west",)) == {0: 1}
    again = Top(SPEC)
    again.restore(unpack(pack(top.snapshot())))
    assert again.chosen(frame(a=5.0, b=9.0), np.arange(2), ("west",)) == {1: 1, 0: 2}
    assert Top(SPEC).chosen(frame(a=5.0, b=9.0), np.arange(2), ("west",)) == {1: 1}
