"""Dimension tables at work: versions by event time, keys as tables spell them, defaults."""

from __future__ import annotations

import numpy as np
import pytest

from streamwatchd.batch import Column, Dictionary, Strings, to_values
from streamwatchd.enrichment.table import TableData
from streamwatchd.lang.typed import Kind
from streamwatchd.operators.dimension import Dimensions

KINDS = {"role": Kind.STRING, "rank": Kind.NUMBER, "core": Kind.BOOL}


def strings(*values: str | None) -> Strings:
    dictionary = Dictionary()
    return Strings(dictionary.encode(values), dictionary)


def table(digest: str, roles: dict[str, str | None]) -> TableData:
    rows = {key: number for number, key in enumerate(roles)}
    columns: dict[str, Column] = {
        "role": strings(*roles.values()),
        "rank": np.arange(len(roles), dtype=np.float64),
        "core": np.array([2 * (i % 2) for i in range(len(roles))], np.int8),
    }
    return TableData("devices", "host", rows, columns, digest)


OLD = table("old", {"a": "edge", "b": "core", "c": None})
NEW = table("new", {"b": "spare", "d": "edge"})


def roles(dimensions: Dimensions, keys: Column, *times: int) -> list[object]:
    return values(dimensions, "role", keys, *times)


def values(dimensions: Dimensions, name: str, keys: Column, *times: int, kind: Kind | None = None) -> list[object]:
    """Null throughout where no version has such a column."""
    found = dimensions.column("devices", name, keys, np.array(times), kind or KINDS[name])
    return [None] * len(times) if found is None else list(to_values(found))


def test_rows_meet_the_version_of_their_own_time() -> None:
    """A changed table holds from its instant on, within one batch too; older events still meet the old one."""
    dimensions = Dimensions({"devices": OLD}, {})
    dimensions.switch(100, {"devices": NEW}, {})
    keys = strings("a", "a", "b", "b", "d", "d", None)
    assert roles(dimensions, keys, 99, 100, 99, 100, 99, 100, 100) == [
        "edge",
        None,
        "core",
        "spare",
        None,
        "edge",
        None,
    ]
    assert dimensions.at("devices", 99).digest == "old"
    assert dimensions.at("devices", 100).digest == "new"


def test_equal_content_is_no_change() -> None:
    """Another file with the same rows makes no version."""
    dimensions = Dimensions({"devices": OLD}, {})
    dimensions.switch(100, {"devices": OLD}, {})
    assert len(dimensions.versions["devices"]) == 1


def test_versions_go_when_no_row_can_meet_them() -> None:
    """Not before: the version in force at the watermark stays."""
    dimensions = Dimensions({"devices": OLD}, {})
    dimensions.switch(100, {"devices": NEW}, {})
    dimensions.forget_before(99)
    assert roles(dimensions, strings("a"), 99) == ["edge"]
    dimensions.forget_before(100)
    assert [data.digest for _, data in dimensions.versions["devices"]] == ["new"]


def test_a_table_that_comes_later_holds_for_all_time() -> None:
    """Only its readers ask for it, and they come with it."""
    dimensions = Dimensions({}, {})
    dimensions.switch(100, {"devices": NEW}, {})
    assert roles(dimensions, strings("b"), 50) == ["spare"]


def without(data: TableData, name: str, digest: str) -> TableData:
    columns = {column: each for column, each in data.columns.items() if column != name}
    return TableData(data.name, data.key, data.rows, columns, digest)


def test_of_versions_without_a_column_the_nearest_that_has_it_stands_in() -> None:
    """The next one, else the one before: rules that come with a column meet older rows, those that go with it newer."""
    dimensions = Dimensions({"devices": without(OLD, "role", "first")}, {})
    dimensions.switch(100, {"devices": NEW}, {})
    dimensions.switch(200, {"devices": without(OLD, "role", "last")}, {})
    keys = strings("a", "b", "d", "d")
    assert values(dimensions, "role", keys, 50, 50, 150, 250) == [None, "spare", "edge", "edge"]
    assert values(dimensions, "rank", keys, 50, 50, 150, 250) == [0.0, 1.0, 1.0, None]


def test_a_column_of_another_kind_is_another_column() -> None:
    """And one that no version has is null for all."""
    rows, numbers = dict(OLD.rows), {"role": np.arange(3, dtype=np.float64)}
    dimensions = Dimensions({"devices": TableData("devices", "host", rows, numbers, "numbers")}, {})
    assert values(dimensions, "role", strings("b"), 50) == [None]
    dimensions.switch(100, {"devices": OLD}, {})
    assert values(dimensions, "role", strings("b", "b"), 50, 150) == ["core", "core"]
    assert values(dimensions, "role", strings("b", "b"), 50, 150, kind=Kind.NUMBER) == [1.0, 1.0]


@pytest.mark.parametrize(
    ("column", "default", "found"),
    [
        ("role", "unknown", ["edge", "unknown", None]),
        ("rank", 7.0, [0.0, 7.0, 2.0]),
        ("core", True, [False, True, False]),
        ("role", None, ["edge", None, None]),
        ("rank", None, [0.0, None, 2.0]),
        ("core", None, [False, None, False]),
    ],
)
def test_missing_keys_get_the_default(column: str, default: object, found: list[object]) -> None:
    """Keys that the table lacks; a null in a row that it has stays null."""
    dimensions = Dimensions({"devices": OLD}, {"devices": {column: default}} if default is not None else {})
    assert values(dimensions, column, strings("a", "z", "c"), 0, 0, 0) == found


def test_an_empty_table_has_nothing() -> None:
    """All null, for every kind, and no row present."""
    dimensions = Dimensions({"devices": table("empty", {})}, {})
    for column in ("role", "rank", "core"):
        assert values(dimensions, column, strings("a", None), 0, 0) == [None, None]
    assert dimensions.present("devices", strings("a"), np.zeros(1, np.int64)).tolist() == [False]


def test_look_ups_follow_a_growing_dictionary() -> None:
    """Codes that come later are looked up later."""
    dimensions, names = Dimensions({"devices": OLD}, {}), Dictionary()
    for batch in (("a",), ("z", "a"), (None, "b", "c"), ("y", "x", "b")):
        keys = Strings(names.encode(batch), names)
        wanted = [{"a": "edge", "b": "core"}.get(key or "") for key in batch]
        assert roles(dimensions, keys, *[0] * len(batch)) == wanted


def test_numbers_look_up_rows() -> None:
    """A numeric field joins a table whose key column is text."""
    dimensions = Dimensions({"devices": table("numbers", {"5": "edge", "5.5": "core"})}, {})
    assert roles(dimensions, np.array([5.0, 5.5, np.nan]), 0, 0, 0) == ["edge", "core", None]
