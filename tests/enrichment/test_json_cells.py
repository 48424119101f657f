"""Tables in JSON."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from streamwatchd.enrichment.reader import read_table
from streamwatchd.lang.typed import BOOL, NUMBER, STRING
from tests.enrichment.files import problems, values


def test_an_object_of_objects_has_its_names_as_keys() -> None:
    """The key column is called as asked, else `key`; a row may repeat its key, not contradict it."""
    content = b'{"b":{"role":"core","slots":1,"up":true},"a":{"slots":2.5,"host":"a"}}'
    table = read_table("t.json", content, "t", key="host")
    assert table.data.digest == read_table("t.csv", b"host,role,slots,up\nb,core,1,true\na,,2.5,\n", "t").data.digest
    assert read_table("t.json", b'{"a":{"x":1}}', "t").data.key == "key"
    (problem,) = problems("t.json", b'{"a":{"host":"b"}}', key="host")
    assert problem.message == "the row of `a` has another `host`"


_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\x00"), min_size=1).filter(str.strip)


_rows = st.dictionaries(
    _text, st.tuples(st.none() | _text, st.none() | st.floats(-1e9, 1e9), st.none() | st.booleans())
)


@settings(max_examples=60)
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
