"""One table, whatever the format; a bad file is refused with line and reason."""

from __future__ import annotations

import pickle

import pytest

from streamwatchd.enrichment.reader import ReadTable, read_table
from streamwatchd.lang.typed import BOOL, NUMBER, STRING
from tests.enrichment.files import parquet, problems, values

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


def test_the_first_column_is_the_key_unless_another_is_named() -> None:
    """And the key is not among the columns."""
    content = b"a,b\nx,1\ny,2\n"
    assert read_table("t.csv", content, "t").data.key == "a"
    by_b = read_table("t.csv", content, "t", key="b")
    assert dict(by_b.data.rows) == {"1": 0, "2": 1}
    assert list(by_b.data.columns) == ["a"]


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


def test_missing_columns_get_a_hint() -> None:
    """The key column and declared columns must be there; the nearest name is proposed."""
    (problem,) = problems("t.csv", b"host,role\na,b\n", key="hots")
    assert (problem.message, problem.hint) == ("the file has no key column `hots`", "did you mean `host`?")
    (problem,) = problems("t.csv", b"host,role\na,b\n", declared={"rolle": STRING})
    assert (problem.message, problem.hint) == ("the file has no column `rolle`", "did you mean `role`?")


def test_a_byte_order_mark_is_no_part_of_the_first_name() -> None:
    """Spreadsheets write one."""
    assert read_table("t.csv", b"\xef\xbb\xbfk,v\na,1\n", "t").data.key == "k"


def test_tables_cross_process_boundaries() -> None:
    """Pickled and read again they hold the same."""
    table = read_table("t.csv", SAME["t.csv"], "t")
    again = ReadTable(pickle.loads(pickle.dumps(table.data)), table.types)
    assert values(again) == values(table)
    assert again.data.digest == table.data.digest
