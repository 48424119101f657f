"""Twin of enrichment/reader.py and the readers of its formats."""

from __future__ import annotations

import datetime as dt
import io
import json
import pickle
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamwatchd.batch import to_values
from streamwatchd.enrichment.problems import MAX_PROBLEMS, TableProblem, TableRefused
from streamwatchd.enrichment.reader import ReadTable, read_table
from streamwatchd.lang.typed import BOOL, NUMBER, STRING, Kind, Type


def values(table: ReadTable) -> dict[str, dict[str, Any]]:
    """Key → row."""
    columns = {name: to_values(column) for name, column in table.data.columns.items()}
    return {key: {name: column[row] for name, column in columns.items()} for key, row in table.data.rows.items()}


def problems(path: str, content: bytes, **options: Any) -> tuple[TableProblem, ...]:
    with pytest.raises(TableRefused) as caught:
        read_table(path, content, "t", **options)
    return caught.value.problems


def parquet(**columns: Any) -> bytes:
    buffer = io.BytesIO()
    pl.DataFrame(columns).write_parquet(buffer)
    return buffer.getvalue()


SAME = {
    "t.csv": b"host,role,slots,up\nb,core,1,true\na,,2.5,\n",
    "t.tsv": b"host\trole\tslots\tup\r\na\t\t2.5\t\r\n\r\nb\tcore\t1.0\tTRUE\r\n",
    "t.json": b'[{"host":"b","role":"core","slots":1,"up":true},{"host":"a","slots":2.5}]',
    "t.ndjson": b'{"up":null,"host":"a","slots":2.5}\n\n{"slots":1.0,"host":"b","role":"core","up":true}',
    "t.parquet": parquet(host=["b", "a"], role=["core", None], slots=[1.0, 2.5], up=[True, None]),
}


@pytest.mark.parametrize("path", SAME)
def test_formats_agree(path: str) -> None:
    """The same content is the same table with the same digest, whatever the format and the order of its rows."""
    table = read_table(path, SAME[path], "devices", key="host")
    assert values(table) == {
        "a": {"role": None, "slots": 2.5, "up": None},
        "b": {"role": "core", "slots": 1.0, "up": True},
    }
    assert table.types == {"role": STRING, "slots": NUMBER, "up": BOOL}
    assert (table.data.name, table.data.key) == ("devices", "host")
    assert table.data.digest == read_table("t.csv", SAME["t.csv"], "other").data.digest


def test_an_object_of_objects_has_its_names_as_keys() -> None:
    """The key column is called as asked, else `key`; a row may repeat its key, not contradict it."""
    content = b'{"b":{"role":"core","slots":1,"up":true},"a":{"slots":2.5,"host":"a"}}'
    table = read_table("t.json", content, "t", key="host")
    assert table.data.digest == read_table("t.csv", SAME["t.csv"], "t").data.digest
    assert read_table("t.json", b'{"a":{"x":1}}', "t").data.key == "key"
    (problem,) = problems("t.json", b'{"a":{"host":"b"}}', key="host")
    assert problem.message == "the row of `a` has another `host`"


def test_the_first_column_is_the_key_unless_another_is_named() -> None:
    """And the key is not among the columns."""
    content = b"a,b\nx,1\ny,2\n"
    assert read_table("t.csv", content, "t").data.key == "a"
    by_b = read_table("t.csv", content, "t", key="b")
    assert dict(by_b.data.rows) == {"1": 0, "2": 1}
    assert list(by_b.data.columns) == ["a"]


@pytest.mark.parametrize(
    ("cells", "kind", "expected"),
    [
        (["1", "-2.5", "3e2", ""], Kind.NUMBER, [1.0, -2.5, 300.0, None]),
        (["0", "-0"], Kind.NUMBER, [0.0, 0.0]),
        (["007", "1"], Kind.STRING, ["007", "1"]),
        (["+1", "1"], Kind.STRING, ["+1", "1"]),
        ([".5"], Kind.STRING, [".5"]),
        (["NaN", "1"], Kind.STRING, ["NaN", "1"]),
        (["1_000"], Kind.STRING, ["1_000"]),
        (["١"], Kind.STRING, ["١"]),
        (["1", "x"], Kind.STRING, ["1", "x"]),
        (["true", "False", "TRUE", ""], Kind.BOOL, [True, False, True, None]),
        (["true", "1"], Kind.STRING, ["true", "1"]),
        (["yes", "no"], Kind.STRING, ["yes", "no"]),
        (["", ""], Kind.STRING, [None, None]),
        (['""', "a"], Kind.STRING, [None, "a"]),
        (['"a,""b""\nc"'], Kind.STRING, ['a,"b"\nc']),
        (['" a "', " a"], Kind.STRING, [" a ", "a"]),
    ],
)
def test_csv_types_are_inferred_by_one_rule(cells: list[str], kind: Kind, expected: list[Any]) -> None:
    """Numbers only if all cells are JSON numbers (no leading zeros), true and false are truths, empty is null."""
    content = "k,v\n" + "".join(f"{row},{cell}\n" for row, cell in enumerate(cells))
    table = read_table("t.csv", content.encode(), "t")
    assert table.types == {"v": Type(kind)}
    assert to_values(table.data.columns["v"]) == expected


def test_declared_types_are_taken_at_their_word() -> None:
    """They keep their unit; `string` keeps the text, `number` reads 007 and +1, in JSON `string` takes numbers."""
    declared = {"a": Type(Kind.STRING), "b": Type(Kind.NUMBER, "percent")}
    table = read_table("t.csv", b"k,a,b\nx,1.10,007\ny,2,+1\n", "t", declared=declared)
    assert table.types == declared
    assert values(table) == {"x": {"a": "1.10", "b": 7.0}, "y": {"a": "2", "b": 1.0}}
    table = read_table("t.json", b'[{"k":"x","a":5},{"k":"y","a":"z"},{"k":"w","a":1.5}]', "t", declared={"a": STRING})
    assert values(table) == {"x": {"a": "5"}, "y": {"a": "z"}, "w": {"a": "1.5"}}


def test_keys_are_text() -> None:
    """As written in CSV; numbers of JSON in their shortest form; a key declared a number is one in CSV, too."""
    assert list(read_table("t.csv", b"k\n1.0\n007\n", "t").data.rows) == ["007", "1.0"]
    assert list(read_table("t.csv", b"k\n1.0\n007\n", "t", declared={"k": NUMBER}).data.rows) == ["1", "7"]
    keys = b'[{"k":1.0},{"k":-2.5},{"k":"x"},{"k":true},{"k":10000000000}]'
    assert list(read_table("t.json", keys, "t").data.rows) == ["-2.5", "1", "10000000000", "true", "x"]
    assert list(read_table("t.parquet", parquet(k=[3, 20, 1]), "t").data.rows) == ["1", "20", "3"]


def test_a_table_may_have_no_rows_but_must_have_columns() -> None:
    """A header alone is an empty table; an empty array needs declared columns."""
    assert values(read_table("t.csv", b"k,v\n", "t")) == {}
    empty = read_table("t.json", b"[]", "t", key="k", declared={"v": NUMBER})
    assert (values(empty), empty.types) == ({}, {"v": NUMBER})
    assert problems("t.json", b"[]")[0].message == "the file has no columns"


@pytest.mark.parametrize(
    ("path", "content", "line", "message"),
    [
        ("t.csv", b"", 1, "the file is empty"),
        ("t.ndjson", b"\n \n", 1, "the file is empty"),
        ("t.csv", b"\nx\n", 1, "the file has no header line"),
        ("t.csv", b"k,,v\n", 1, "column 2 has no name"),
        ("t.csv", b"k,v,v\n", 1, "column `v` is there twice"),
        ("t.csv", b"k;v\n1;2\n", 1, "cells are separated by `;`"),
        ("t.csv", b"k,v\na,1\nb\n", 3, "the line has 1 cell, the header 2"),
        ("t.csv", b"k,v\na,1,2\n", 2, "the line has 3 cells, the header 2"),
        ("t.csv", b'k,v\na,"one\ntwo"\nb\n', 4, "the line has 1 cell, the header 2"),
        ("t.csv", b'k,v\na,"torn', 2, "the file is not CSV: a quote is never closed"),
        ("t.csv", b"k,v\na,1\nb,\xff\n", 3, "the file is not UTF-8"),
        ("t.csv", b"k,v\na,1\nb,2\na,3\n", 4, "the key `a` stands in line 2 already"),
        ("t.csv", b"k,v\na,1\n,2\n", 3, "the key `k` is empty"),
        ("t.json", b'[{"k":"a"},\n{"k":', 2, "the file is not JSON: Expecting value"),
        ("t.json", b'{"a":{},"a":{}}', None, "the file is not JSON: `a` stands twice in one object"),
        ("t.json", b'[{"k":NaN}]', None, "the file is not JSON: NaN is no JSON value"),
        ("t.json", b"[" * 100_000, None, "the file is not JSON: maximum recursion depth exceeded"),
        ("t.json", b"5", None, "the file holds neither an array of objects nor an object of objects"),
        ("t.json", b'[{"k":"a"},[]]', None, "row 2: not an object"),
        ("t.json", b'{"a":1}', None, "row 1: not an object"),
        ("t.json", b'[{"k":"a"},{"k":"a"}]', None, "row 2: the key `a` stands in row 1 already"),
        ("t.json", b'[{"k":null}]', None, "row 1: the key `k` is empty"),
        ("t.json", b'[{"k":"a","v":1e400}]', None, "row 1: `v` is `inf`, not a number"),
        ("t.json", b'[{"k":"a","v":[1]}]', None, "row 1: `v` is an array, not text"),
        ("t.json", b'[{"k":"a","v":1},{"k":"b","v":"x"}]', None, "column `v` has a number in row 1, text in row 2"),
        ("t.json", b'[{"k":"a","v":"\\ud800"}]', None, "row 1: `v` is `\\ud800`, not text"),
        ("t.ndjson", b'{"k":"a"}\n{"k":\n[]', 2, "the line is not JSON: Expecting value"),
        ("t.ndjson", b'{"k":"a"}\n\n[]', 3, "not an object"),
        ("t.ndjson", b'{"k":"a"}\n\n{"k":"a"}', 3, "the key `a` stands in line 1 already"),
        ("t.yaml", b"k: v", None, "`.yaml` is no format of a table"),
    ],
)
def test_a_bad_file_is_refused_with_line_and_reason(path: str, content: bytes, line: int | None, message: str) -> None:
    """In the user's words, with the line where the format has lines."""
    first = problems(path, content)[0]
    assert (first.line, first.message[: len(message)]) == (line, message)


def test_damaged_and_strange_parquet_is_refused() -> None:
    """Torn bytes, and columns that are no numbers, text, truths or times; infinity is no number, NaN is null."""
    whole = parquet(k=["a"], v=[1.0])
    assert "not Parquet" in problems("t.parquet", whole[:-10])[0].message
    assert problems("t.parquet", parquet(k=["a"], v=[[1]]))[0].message.startswith("column `v` has the type List")
    assert "not a number" in problems("t.parquet", parquet(k=["a"], v=[float("inf")]))[0].message
    assert values(read_table("t.parquet", parquet(k=["a"], v=[float("nan")]), "t")) == {"a": {"v": None}}
    days = parquet(k=["a"], d=[dt.date(2026, 1, 5)], t=[dt.datetime(2026, 1, 5, 6, tzinfo=dt.UTC)])
    assert values(read_table("t.parquet", days, "t"))["a"]["d"] == "2026-01-05"
    assert values(read_table("t.parquet", days, "t"))["a"]["t"].startswith("2026-01-05T06:00:00")


def test_missing_columns_get_a_hint() -> None:
    """The key column and declared columns must be there; the nearest name is proposed."""
    (problem,) = problems("t.csv", b"host,role\na,b\n", key="hots")
    assert (problem.message, problem.hint) == ("the file has no key column `hots`", "did you mean `host`?")
    (problem,) = problems("t.csv", b"host,role\na,b\n", declared={"rolle": STRING})
    assert (problem.message, problem.hint) == ("the file has no column `rolle`", "did you mean `role`?")


def test_all_problems_come_at_once_in_order_of_lines_up_to_a_bound() -> None:
    """Keys and every column together."""
    found = problems("t.csv", b"k,v,w\na,x,1\na,1,y\n", declared={"v": NUMBER, "w": NUMBER})
    assert [(problem.line, problem.message) for problem in found] == [
        (2, "`v` is `x`, not a number"),
        (3, "the key `a` stands in line 2 already"),
        (3, "`w` is `y`, not a number"),
    ]
    assert len(problems("t.csv", b"k\n" + b"a\n" * 100)) == MAX_PROBLEMS


def test_a_byte_order_mark_is_no_part_of_the_first_name() -> None:
    """Spreadsheets write one."""
    assert read_table("t.csv", b"\xef\xbb\xbfk,v\na,1\n", "t").data.key == "k"


def test_tables_cross_process_boundaries() -> None:
    """Pickled and read again they hold the same."""
    table = read_table("t.csv", SAME["t.csv"], "t")
    again = ReadTable(pickle.loads(pickle.dumps(table.data)), table.types)
    assert values(again) == values(table)
    assert again.data.digest == table.data.digest


_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\x00"), min_size=1).filter(str.strip)
_rows = st.dictionaries(
    _text, st.tuples(st.none() | _text, st.none() | st.floats(-1e9, 1e9), st.none() | st.booleans())
)


@settings(max_examples=60, deadline=None)
@given(_rows)
def test_any_content_survives_any_json_form(content: dict[str, tuple[Any, Any, Any]]) -> None:
    """Array, object of objects and lines agree, and give back what was written."""
    rows = [{"k": key, "s": s, "n": n, "b": b} for key, (s, n, b) in content.items()]
    declared = {"s": STRING, "n": NUMBER, "b": BOOL}
    forms = {
        "t.json": json.dumps(rows),
        "o.json": json.dumps({row["k"]: row for row in rows}),
        "t.ndjson": "\n".join(map(json.dumps, rows)) or "\n",
    }
    if not rows:
        forms.pop("t.ndjson")
    tables = [read_table(path, text.encode(), "t", key="k", declared=declared) for path, text in forms.items()]
    assert len({table.data.digest for table in tables}) == 1
    assert {key: tuple(row[name] for name in "snb") for key, row in values(tables[0]).items()} == content
