"""What rows of tables were before: as the versions themselves have it, for every row and instant."""

from __future__ import annotations

import random
import weakref
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamwatchd.batch import Codes, Column, Dictionary, Strings, to_values
from streamwatchd.enrichment import table_history
from streamwatchd.enrichment.store import canonical_table
from streamwatchd.enrichment.table import TableData
from streamwatchd.enrichment.table_history import TableHistory
from streamwatchd.lang.typed import Kind
from streamwatchd.operators.dimension import Dimensions
from streamwatchd.packing import pack_apart, unpack_apart

KEYS = tuple("abcdefg")
KINDS = {"role": Kind.STRING, "rank": Kind.NUMBER, "core": Kind.BOOL}
Rows = dict[str, tuple[str | None, float, int]]


def table(rows: Rows, key: str = "host", without: Sequence[str] = ()) -> TableData:
    dictionary = Dictionary()
    columns: dict[str, Column] = {
        "role": Strings(dictionary.encode([role for role, _, _ in rows.values()]), dictionary),
        "rank": np.array([rank for _, rank, _ in rows.values()], np.float64),
        "core": np.array([core for _, _, core in rows.values()], np.int8),
    }
    return canonical_table("t", key, list(rows), {name: columns[name] for name in columns if name not in without})


def drawn(rng: random.Random) -> TableData:
    one = rng.choice
    return table({k: (one(("x", "y", None)), one((1.0, np.nan)), one((0, 1, 2))) for k in KEYS if rng.random() < 0.7})


def values(tables: TableData | Dimensions, name: str, keys: Sequence[str | None], times: Sequence[int]) -> list[object]:
    """As rows of these times meet them; the dictionary of keys grows on the way, as that of a stream does."""
    dimensions = tables if isinstance(tables, Dimensions) else Dimensions({"t": tables}, {})
    dictionary, found = Dictionary(), list[object]()
    for start in range(0, len(keys), 5):
        part = slice(start, start + 5)
        codes = Strings(dictionary.encode(keys[part]), dictionary)
        column = dimensions.column("t", name, codes, np.array(times[part], np.int64), KINDS[name])
        assert column is not None
        found += to_values(column)
    return found


@given(seed=st.integers(0, 2**32 - 1), changes=st.integers(1, 6), most=st.integers(0, 40))
def test_rows_are_what_they_were_as_far_back_as_is_known(seed: int, changes: int, most: int) -> None:
    """After a way through a snapshot too; of more than are kept the oldest are gone, and the rows then count back."""
    rng = random.Random(seed)
    versions = [drawn(rng) for _ in range(changes + 1)]
    history, dimensions = TableHistory({"t": versions[0]}, most), Dimensions({"t": versions[0]}, {})
    for number, version in enumerate(versions[1:], 1):
        if rng.random() < 0.5:
            history.foresee({"t": drawn(rng)}), history.foresee({"t": version})
        history.switch(100 * number, {"t": version})
        dimensions.switch(100 * number, {"t": version}, {})
    keys = [rng.choice((*KEYS, None)) for _ in range(60)]
    times = [rng.choice((-1, 0, 1, 50, 99)) + 100 * rng.randrange(changes + 2) for _ in keys]
    known = [max(time, history.since_ms) for time in times]
    assert history.size <= most
    picture = history.snapshot()
    restored = TableHistory({"t": versions[-1]}, most)
    if picture is not None:
        restored.restore(unpack_apart(*pack_apart(picture)))
    for each in (history, restored):
        past = each.past()["t"]
        for name in KINDS:
            assert values(past, name, keys, times) == values(dimensions, name, keys, known)
        since_ms = rng.randrange(-50, 100 * changes)
        limited = [max(time, since_ms) for time in known]
        assert values(each.past(since_ms)["t"], "rank", keys, times) == pytest.approx(
            values(dimensions, "rank", keys, limited)
        )


def test_what_is_of_no_use_goes() -> None:
    """A change matters to rows before it; once there are none, the table is a plain one again."""
    before, after = table({"a": ("x", 1.0, 2)}), table({"a": ("y", 1.0, 2)})
    history = TableHistory({"t": before})
    assert history.snapshot() is None
    history.switch(100, {"t": after})
    history.forget_before(99)
    assert (history.since_ms, values(history.past()["t"], "role", ["a", "a"], [99, 100])) == (-(2**62), ["x", "y"])
    history.forget_before(100)
    assert (history.since_ms, history.size, history.past()["t"].digest) == (100, 0, after.digest)


def test_a_column_that_came_later_is_as_it_was_then() -> None:
    """Until a change that knows it; the others are what they were."""
    history = TableHistory({"t": table({"a": ("x", 1.0, 2), "b": ("x", 2.0, 0)}, without=["rank"])})
    history.switch(100, {"t": table({"a": ("y", 5.0, 2), "b": ("x", 6.0, 0)})})
    history.switch(200, {"t": table({"a": ("z", 7.0, 2)})})
    keys, times = [*"aaabbb"], [99, 199, 200] * 2
    past = history.past()["t"]
    assert values(past, "role", keys, times) == ["x", "y", "z", "x", "x", None]
    assert values(past, "rank", keys, times) == [5.0, 5.0, 7.0, 6.0, 6.0, None]


class CountingDictionary(Dictionary):
    """Counts the texts that all of them were asked for."""

    asked = 0

    def encode(self, strings: Sequence[str | None]) -> Codes:
        CountingDictionary.asked += len(strings)
        return super().encode(strings)


def test_a_state_without_earlier_rows_has_none() -> None:
    """Whatever was found out on the way to it."""
    nothing = TableHistory({}).snapshot()
    history = TableHistory({"t": table({"a": ("x", 1.0, 2)})})
    history.switch(100, {"t": table({"a": ("y", 1.0, 2)})})
    history.forget_before(100)
    history.restore(nothing)
    assert (history.size, history.since_ms, history.snapshot()) == (0, -(2**62), nothing)


def test_a_new_column_costs_its_rows_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many changes do not know it; each row of these has what the key's next row has."""

    def version(number: int, key: str = "k0") -> Rows:
        rows: Rows = {f"k{row}": (f"role {row}", 0.0, 2) for row in range(1_000)}
        return rows | {key: (f"at {number}", float(number), 2)}

    history = TableHistory({"t": table(version(0), without=["role"])})
    for number in range(1, 50):
        history.switch(100 * number, {"t": table(version(number), without=["role"])})
    history.switch(5_000, {"t": table(version(50, "k1"))})
    history.switch(5_100, {"t": table(version(51, "k1"))})
    monkeypatch.setattr(table_history, "Dictionary", CountingDictionary)
    monkeypatch.setattr(CountingDictionary, "asked", 0)
    past = history.past()["t"]
    assert 1_000 < CountingDictionary.asked < 1_000 + 2 * history.size
    keys, times = ["k0", "k0", "k0", "k1", "k1", "k1"], [99, 4_899, 5_100, 99, 5_099, 5_100]
    assert values(past, "role", keys, times) == ["role 0", "role 0", "role 0", "at 50", "at 50", "at 51"]
    assert values(past, "rank", keys, times) == [0.0, 48.0, 0.0, 0.0, 50.0, 51.0]


@pytest.mark.parametrize("since_ms", [None, -5])
def test_who_asks_for_the_same_shares_it(since_ms: int | None) -> None:
    """As long as anybody has it, and no longer."""
    history = TableHistory({"t": table({"a": ("x", 1.0, 2)})})
    history.switch(100, {"t": table({"a": ("y", 1.0, 2)})})
    history.switch(200, {"t": table({"a": ("z", 1.0, 2)})})
    past = history.past(since_ms)["t"]
    assert history.past(since_ms)["t"] is past
    assert values(history.past(100)["t"], "role", ["a"], [99]) == ["y"]
    assert values(past, "role", ["a"], [99]) == ["x"]
    gone = weakref.ref(past)
    del past
    assert gone() is None
    past = history.past(since_ms)["t"]
    history.switch(300, {"t": table({"a": ("x", 1.0, 2)})})
    assert values(history.past(since_ms)["t"], "role", ["a"] * 2, [299, 300]) == ["z", "x"]
    assert values(past, "role", ["a"] * 2, [299, 300]) == ["z", "z"]


def test_nothing_is_compared_where_nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """All before the change is of no use; of a later one it may be."""
    history = TableHistory({"t": table({"a": ("x", 1.0, 2)})})
    history.switch(100, {"t": table({"a": ("y", 1.0, 2)})})
    history.forget_before(200)
    with monkeypatch.context() as patched:
        patched.delattr(table_history, "_difference")
        history.switch(150, {"t": table({"a": ("y", 1.0, 2)})})
        assert history.since_ms == 100
        history.switch(200, {"t": table({"a": ("z", 1.0, 2)})})
    assert (history.since_ms, history.size) == (200, 0)
    history.switch(300, {"t": table({"a": ("x", 1.0, 2)})})
    assert values(history.past()["t"], "role", ["a", "a", "a"], [199, 299, 300]) == ["z", "z", "x"]


@pytest.mark.parametrize("then", [{}, {"t": table({"a": ("x", 1.0, 2)}, key="name")}])
def test_a_table_that_goes_or_has_another_key_begins_anew(then: dict[str, TableData]) -> None:
    """Whoever reads it afterwards reads another table."""
    history = TableHistory({"t": table({"a": ("x", 1.0, 2)})})
    history.switch(100, {"t": table({"a": ("y", 1.0, 2)})})
    history.switch(200, then)
    assert history.size == 0


@pytest.mark.parametrize("picture", [7, [0], ["0", []], [0, [["t", 1]]], [0, [["t", 1, ["host", ["a"], [], 7]]]]])
def test_a_state_of_another_form_is_refused(picture: object) -> None:
    """In whatever way; who restores it takes an older snapshot then."""
    with pytest.raises((TypeError, ValueError)):
        TableHistory({}).restore(picture)
