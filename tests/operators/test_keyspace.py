"""Keys as dense ids: the same key is the same id however its columns come."""

from __future__ import annotations

import numpy as np
import pytest

from streamwatchd.batch import Column, Dictionary, Strings
from streamwatchd.operators import keyspace
from streamwatchd.operators.keyspace import NO_BOUND, OVERFLOW, UNKEYED, KeySpace, key_hash


def strings(dictionary: Dictionary, *values: str | None) -> Strings:
    return Strings(dictionary.encode(values), dictionary)


def test_one_string_key() -> None:
    """New keys get the next id, a null none; the dictionary may grow between batches."""
    space, names = KeySpace(("host",)), Dictionary()
    assert space.ids([strings(names, "b", None, "a", "b")], 4).tolist() == [0, UNKEYED, 1, 0]
    assert space.ids([strings(names, None, "c")], 2).tolist() == [UNKEYED, 2]
    for size in (10, 100, 1_000):
        batch = strings(names, *(f"h{i}" for i in range(size)), None)
        assert [space.keys[i] for i in space.ids([batch], size + 1).tolist()[:-1]] == [(f"h{i}",) for i in range(size)]
        assert space.ids([batch], size + 1)[-1] == UNKEYED


def test_another_dictionary_means_other_codes() -> None:
    """A task whose decoder starts anew keeps its ids."""
    space = KeySpace(("host",))
    space.ids([strings(Dictionary(), "a", "b")], 2)
    assert space.ids([strings(Dictionary(), "b", "c")], 2).tolist() == [1, 2]


def test_two_string_keys_grow_both_ways() -> None:
    """The table of pairs grows with either dictionary; a null in either keys nothing."""
    space, hosts, mounts = KeySpace(("host", "mount")), Dictionary(), Dictionary()
    assert space.ids([strings(hosts, "a", "a", None), strings(mounts, "/", None, "/")], 3).tolist() == [0, -1, -1]
    many = strings(hosts, *(f"h{i}" for i in range(40))), strings(mounts, *(f"/{i % 30}" for i in range(40)))
    assert [space.keys[i] for i in space.ids(many, 40).tolist()] == [(f"h{i}", f"/{i % 30}") for i in range(40)]
    assert space.ids([strings(hosts, "a", None), strings(mounts, "/", "/")], 2).tolist() == [0, -1]


@pytest.mark.parametrize(
    ("columns", "keys"),
    [
        ([np.array([1.0, np.nan, 1.0, 2.5])], [(1.0,), None, (1.0,), (2.5,)]),
        ([np.array([2, 1, 0, 2], np.int8)], [(True,), None, (False,), (True,)]),
        ([np.array([1.0, 1.0]), np.array([2, 0], np.int8)], [(1.0, True), (1.0, False)]),
    ],
)
def test_numbers_and_truths_are_keys_too(columns: list[Column], keys: list[tuple[object, ...] | None]) -> None:
    """A null in any column keys nothing."""
    space = KeySpace(tuple("ab"[: len(columns)]))
    ids = space.ids(columns, len(keys)).tolist()
    assert [None if i == UNKEYED else space.keys[i] for i in ids] == keys


@pytest.mark.parametrize("width", [2, 3, 4])
@pytest.mark.parametrize("bound", [NO_BOUND, 50])
def test_many_texts_are_numbered_as_one_by_one(width: int, bound: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through sorted tables, over batches, with nulls, growing dictionaries, and others in between."""
    monkeypatch.setattr(keyspace, "_DENSE_PAIRS", 0)
    random = np.random.default_rng(width)
    space, plain = KeySpace(tuple("abcd"[:width]), bound), KeySpace(tuple("abcd"[:width]), bound)
    dictionaries = [[Dictionary() for _ in range(width)] for _ in range(6)]
    for turn in range(40):
        size = int(random.integers(0, 60))
        drawn = random.integers(-1, 4 + turn // 4, (width, size)).tolist()
        rows = [[None if number < 0 else f"v{number}" for number in column] for column in drawn]
        mine = dictionaries[int(random.integers(0, 2 + 4 * (turn > 20)))]
        found = space.ids([strings(d, *column) for d, column in zip(mine, rows, strict=True)], size).tolist()
        wanted = [UNKEYED if None in key else plain._bounded_id(key) for key in zip(*rows, strict=True)]  # type: ignore[arg-type]
        assert (found, space.keys) == (wanted, plain.keys)


def test_no_key_is_one_key() -> None:
    """Rules without `by` have a single key, known with the first row."""
    space = KeySpace(())
    assert space.ids([], 0).tolist() == []
    assert len(space) == 0
    assert space.ids([], 2).tolist() == [0, 0]


def test_ids_follow_the_log_not_the_batches() -> None:
    """A bound on keys then depends on the log alone."""
    rows = ["c", "a", None, "b", "a", "d"]
    found = []
    for cuts in ([6], [1, 2, 3], [2, 4]):
        space, names, start = KeySpace(("host",)), Dictionary(), 0
        for size in cuts:
            part = rows[start : start + size]
            space.ids([strings(names, *part)], len(part))
            start += size
        found.append(space.keys)
    assert found == [[("c",), ("a",), ("b",), ("d",)]] * 3


def test_key_columns_grow_with_the_keys() -> None:
    """One entry an id, by kind."""
    space = KeySpace(("host", "n", "ok"))
    space.id_of(("a", 1.0, True))
    assert space.column(0, "string").to_list() == ["a"]  # type: ignore[union-attr]
    space.id_of(("b", 2.0, False))
    assert space.column(0, "string").to_list() == ["a", "b"]  # type: ignore[union-attr]
    assert space.column(1, "number").tolist() == [1.0, 2.0]  # type: ignore[union-attr]
    assert space.column(2, "bool").tolist() == [2, 0]  # type: ignore[union-attr]


def test_the_hash_is_of_the_values_alone() -> None:
    """Exchange partitions must not move between releases: these numbers are for good."""
    assert key_hash(("a",)) == 0x25CF537F4B635727
    assert key_hash(("a", 1.0, True)) == 0x5922DF7ECC40508E


@pytest.mark.parametrize("columns", ["one", "two", "numbers"])
def test_a_bound_turns_away_keys_that_come_after_it(columns: str) -> None:
    """In the order of the log; known keys stay, also in later batches."""
    texts = Dictionary()
    names = Strings(texts.encode(["a", "b", "c", "a", "d"]), texts)
    ones = Dictionary()
    same = Strings(ones.encode(["x"] * 5), ones)
    chosen: dict[str, list[Column]] = {
        "one": [names],
        "two": [names, same],
        "numbers": [np.array([1.0, 2.0, 3.0, 1.0, 4.0])],
    }
    space = KeySpace(("k",), bound=2)
    expected = [0, 1, OVERFLOW, 0, OVERFLOW]
    assert space.ids(chosen[columns], 5).tolist() == expected
    assert space.ids(chosen[columns], 5).tolist() == expected
    assert len(space) == 2
