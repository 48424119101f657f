"""Twin of codecs/json_rows.py, with a slow reader built on `json.loads` beside it."""

from __future__ import annotations

import json
import pickle
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamwatchd.batch import Decoded, RawBatch, Strings, to_values
from streamwatchd.codecs import json_rows
from streamwatchd.codecs.base import EventSchema
from streamwatchd.codecs.json_kinds import MAX_TEXT
from streamwatchd.codecs.json_rows import JsonDecoder
from streamwatchd.lang.typed import Kind

NUMBER, STRING, BOOL = Kind.NUMBER, Kind.STRING, Kind.BOOL
NOW = 1_767_571_200_000
FUTURE = 300_000
DEEP = b'{"ts":1,"x":' + b"[" * 64 + b"]" * 64 + b"}"
SHALLOW = b'{"ts":1,"x":' + b"[" * 63 + b"]" * 63 + b"}"


def decode(schema: EventSchema, *payloads: bytes | None, stamps: Sequence[int] | None = None) -> Decoded:
    return JsonDecoder(schema).decode(_raw(payloads, stamps), NOW, FUTURE)


def _raw(payloads: Sequence[bytes | None], stamps: Sequence[int] | None = None) -> RawBatch:
    return RawBatch("t", 0, payloads, range(len(payloads)), stamps or [NOW] * len(payloads))


def rows(decoded: Decoded) -> list[tuple[int, dict[str, Any]]]:
    columns = {name: to_values(column) for name, column in decoded.frame.columns.items()}
    times = decoded.frame.time.tolist()
    return [(time, {name: column[row] for name, column in columns.items()}) for row, time in enumerate(times)]


def reasons(decoded: Decoded) -> list[str]:
    return list(decoded.refused.reasons)


def test_decodes_columns_of_every_kind() -> None:
    """Numbers, strings and truths, with nulls for what is missing or null, in offset order."""
    schema = EventSchema({"cpu": NUMBER}, {"host": STRING, "up": BOOL}, "ts", "ms")
    decoded = decode(
        schema,
        b'{"ts":5,"cpu":1,"host":"a","up":true,"more":[{"deep":null}]}',
        b' {"up":false,"host":"b","cpu":2.5,"ts":7}\r\n',
        b'{"ts":6,"cpu":null,"up":null}',
    )
    assert rows(decoded) == [
        (5, {"cpu": 1.0, "host": "a", "up": True}),
        (7, {"cpu": 2.5, "host": "b", "up": False}),
        (6, {"cpu": None, "host": None, "up": None}),
    ]
    assert decoded.frame.position is not None
    assert decoded.frame.position.tolist() == [0, 1, 2]
    assert reasons(decoded) == []
    assert decoded.unfit == {}


BAD = [
    (None, "empty"),
    (b"", "empty"),
    (b" \t\r\n", "empty"),
    (b"{", "bad_json"),
    (b'{"ts":1}{"ts":2}', "bad_json"),
    (b'{"ts":1}\n{"ts":2}', "bad_json"),
    (b'{"ts":1},', "bad_json"),
    (b'{"ts":1,"x":NaN}', "bad_json"),
    (b'{"ts":1,"x":-Infinity}', "bad_json"),
    (b'{"ts":1,"x":01}', "bad_json"),
    (b'{"ts":1,"x":.5}', "bad_json"),
    (b'{"ts":1,"x":5.}', "bad_json"),
    (b'{"ts":1,"x":+5}', "bad_json"),
    (b'{"ts":1,}', "bad_json"),
    (b"{'ts':1}", "bad_json"),
    (b'{"ts":1,"x":"\x01"}', "bad_json"),
    (b'{"ts":1,"x":"\\x41"}', "bad_json"),
    (b'{"ts":1,"x":"\\ud800"}', "bad_json"),
    (b'{"ts":1,"x":"\\udc00 after"}', "bad_json"),
    (b'{"ts":1,"\\ud800":1}', "bad_json"),
    (b'{"ts":1,"cpu":"no","x":', "bad_json"),
    (b"\x00" + b'{"ts":1}', "bad_json"),
    (b"\xef\xbb\xbf" + b'{"ts":1}', "bad_json"),
    ('{"ts":1}'.encode("utf-16"), "bad_utf8"),
    (b'{"ts":1,"x":"\xff"}', "bad_utf8"),
    (b'{"ts":1,"x":"\xed\xa0\x80"}', "bad_utf8"),
    (b'{"ts":1,"x":"\xc0\xaf"}', "bad_utf8"),
    (b'{"ts":1,"\xe9":1}', "bad_utf8"),
    (b"[1]", "not_an_object"),
    (b'[{"ts":1}]', "not_an_object"),
    (b"null", "not_an_object"),
    (b"5", "not_an_object"),
    (b'"text"', "not_an_object"),
    (DEEP, "too_deep"),
    (b'{"ts":1,"x":' + b"[" * 900, "too_deep"),
    (b'{"ts":1,"x":[' + b'"[' * 65, "bad_json"),
    (b'{"x":' * 65 + b'"torn', "too_deep"),
    (b"[" * 65 + b'"torn\\', "too_deep"),
    (b'{"x":' * 65 + b"1" + b"}" * 65, "too_deep"),
    (b'{"ts":1,"x":"' + b"y" * 2_000 + b'"}', "too_large"),
    (b'{"ts":1,"cpu":"1"}', "wrong_type: cpu"),
    (b'{"ts":1,"cpu":true}', "wrong_type: cpu"),
    (b'{"ts":1,"cpu":[1]}', "wrong_type: cpu"),
    (b'{"ts":1,"cpu":1e400}', "wrong_type: cpu"),
    (b'{"ts":1,"cpu":-1' + b"0" * 400 + b"}", "wrong_type: cpu"),
    (b'{"ts":1,"host":5}', "wrong_type: host"),
    (b'{"ts":1,"up":1}', "wrong_type: up"),
    (b'{"ts":1,"up":"true"}', "wrong_type: up"),
    (b'{"ts":1,"net.if.in":"x"}', "wrong_type: net.if.in"),
    (b'{"ts":1,"net":{"if":{"in":"x"}}}', "wrong_type: net.if.in"),
    (b"{}", "missing_time"),
    (b'{"ts":null}', "missing_time"),
    (b'{"TS":1}', "missing_time"),
    (b'{"ts":true}', "bad_time"),
    (b'{"ts":"soon"}', "bad_time"),
    (b'{"ts":{}}', "bad_time"),
    (b'{"ts":1e400}', "bad_time"),
    (b'{"ts":1' + b"0" * 400 + b"}", "bad_time"),
    (b'{"ts":%d}' % (NOW + FUTURE + 1), "future_time"),
    (b'{"ts":"2026-01-05T00:05:00.001Z"}', "future_time"),
]
DECLARED = {"cpu": NUMBER, "host": STRING, "up": BOOL, "net.if.in": NUMBER}


@pytest.mark.parametrize(("payload", "reason"), BAD)
def test_every_bad_record_has_its_reason_whatever_the_rules_read(payload: bytes | None, reason: str) -> None:
    """The same reason when rules read nothing, the broken field, or everything."""
    for inferred in ({}, {"x": NUMBER}, {"x": STRING}, {"x": BOOL, "y": STRING, "x.z": NUMBER, "a b": NUMBER}):
        assert reasons(decode(EventSchema(DECLARED, inferred, "ts", "", 1_000), payload)) == [reason]


def test_a_bad_record_costs_only_itself() -> None:
    """Good records around each bad one come through, with their places in the batch."""
    payloads: list[bytes | None] = []
    for number, (bad, _) in enumerate(BAD):
        payloads += [b'{"ts":%d,"host":"h"}' % number, bad]
    decoded = decode(EventSchema(DECLARED, {"x": NUMBER}, "ts", "ms", 1_000), *payloads)
    assert [time for time, _ in rows(decoded)] == list(range(len(BAD)))
    assert decoded.frame.position is not None
    assert decoded.frame.position.tolist() == list(range(0, 2 * len(BAD), 2))
    assert decoded.refused.rows == list(range(1, 2 * len(BAD), 2))


@pytest.mark.parametrize(
    "payload",
    [
        SHALLOW,
        b'{"ts":1,"x":"' + b"[{" * 200 + b'"}',
        b'{"ts":1,"x":"\\"' + b"[" * 200 + b'"}',
        b'{"ts":1,"x":[' + b"[]," * 200 + b"1]}",
        b'{"ts":1,"x":1e400}',
        b'{"ts":1,"x":"\\ud83d\\ude00"}',
        '{"ts":1,"x":"ключ"}'.encode(),
        b'{"ts":1,"x":"\\u0000"}',
        b'{"ts":1,"x":9007199254740993}',
    ],
)
def test_odd_but_valid_records_are_good(payload: bytes) -> None:
    """64 levels are allowed, brackets in strings are no levels, 1e400 is JSON, 5 in a string's place is null."""
    for kind in (NUMBER, STRING, BOOL):
        assert reasons(decode(EventSchema({}, {"x": kind}, "ts", "ms"), payload)) == []


def test_undeclared_fields_that_do_not_fit_are_null_and_counted() -> None:
    """Also from the second batch on, where the decoder has learnt to expect them."""
    decoder = JsonDecoder(EventSchema({}, {"n": NUMBER, "s": STRING, "b": BOOL}, "ts", "ms"))
    payloads = [
        b'{"ts":1,"n":"5","s":5,"b":1}',
        b'{"ts":2,"n":true,"s":false,"b":"true"}',
        b'{"ts":3,"n":[1],"s":{"a":1},"b":[]}',
        b'{"ts":4,"n":1e400}',
        b'{"ts":5,"n":1.5,"s":"x","b":false}',
        b'{"ts":6,"n":null}',
    ]
    for _ in range(3):
        decoded = decoder.decode(_raw(payloads), NOW, FUTURE)
        nothing = {"n": None, "s": None, "b": None}
        good = {"n": 1.5, "s": "x", "b": False}
        assert [row for _, row in rows(decoded)] == [nothing, nothing, nothing, nothing, good, nothing]
        assert decoded.unfit == {"n": 4, "s": 3, "b": 3}


def test_the_last_of_duplicate_fields_counts() -> None:
    """At the top and nested, in the quick and in the careful reading alike."""
    schema = EventSchema({"v": NUMBER, "o.p": NUMBER}, {"odd": NUMBER}, "ts", "ms")
    text = b'{"ts":9,"v":"first","ts":1,"v":2,"o":{"p":1,"p":3},"o":{"p":4,"q":0,"p":5}%s}'
    for payload in (text.replace(b'"v":"first",', b"") % b"", text % b"", text % b',"odd":"unfit"'):
        assert [(time, row["v"], row["o.p"]) for time, row in rows(decode(schema, payload))] == [(1, 2.0, 5.0)]


def test_names_with_dots_are_found_whole_or_nested() -> None:
    """The whole name first; null, or something that is no object on the way, means to look on or null."""
    schema = EventSchema({"a.b.c": NUMBER}, {"a.d": STRING}, "t.s", "ms")
    decoded = decode(
        schema,
        b'{"t.s":1,"a.b.c":1,"a":{"b":{"c":2},"d":"x"}}',
        b'{"t":{"s":2},"a":{"b":{"c":2}}}',
        b'{"t.s":3,"a.b.c":null,"a":{"b":{"c":3}}}',
        b'{"t.s":4,"a":null}',
        b'{"t.s":5,"a":"text"}',
        b'{"t.s":6,"a":{"b":[]}}',
        b'{"t.s":7,"a.b.c":7,"a":{"b":{"c":"not looked at"}}}',
    )
    assert [(time, row["a.b.c"]) for time, row in rows(decoded)] == list(
        zip(range(1, 8), [1, 2, 3, None, None, None, 7], strict=True)
    )
    assert rows(decoded)[0][1]["a.d"] == "x"


def test_a_name_may_be_a_value_in_one_record_and_an_object_in_the_next() -> None:
    """`a` and `a.b` can both be read."""
    schema = EventSchema({"a.b": NUMBER}, {"a": STRING}, "ts", "ms")
    decoded = decode(schema, b'{"ts":1,"a":"x"}', b'{"ts":2,"a":{"b":5}}', b"", b'{"ts":3,"a":{"b":"5"}}')
    assert [row for _, row in rows(decoded)] == [{"a": "x", "a.b": None}, {"a": None, "a.b": 5.0}]
    assert reasons(decoded) == ["empty", "wrong_type: a.b"]
    assert decoded.unfit == {"a": 1}


def test_any_name_is_a_field_name() -> None:
    """Blanks, signs, keywords, other alphabets and escapes in the record."""
    names = ["a b", "class", "@timestamp", "%cpu", "été", "f0", "", '"', "__x__", "x-y", "."]
    text = json.dumps({name: number for number, name in enumerate(names)} | {"ts": 1}).encode()
    ((_, row),) = rows(decode(EventSchema(dict.fromkeys(names, NUMBER), {}, "ts", "ms"), text))
    assert row == {name: float(number) for number, name in enumerate(names)}


@pytest.mark.parametrize("where", ["declared", "inferred"])
def test_the_time_field_can_be_read_as_a_field(where: str) -> None:
    """As a number where it is one; undeclared, a text time is an unfit number; declared, a wrong type."""
    payloads = (b'{"ts":5}', b'{"ts":6.5}', b'{"ts":"1970-01-01T00:00:00.007Z"}')
    if where == "declared":
        decoded = decode(EventSchema({"ts": NUMBER}, {}, "ts", "ms"), *payloads)
        assert rows(decoded) == [(5, {"ts": 5.0}), (6, {"ts": 6.5})]
        assert reasons(decoded) == ["wrong_type: ts"]
    else:
        decoded = decode(EventSchema({}, {"ts": NUMBER}, "ts", "ms"), *payloads)
        assert rows(decoded) == [(5, {"ts": 5.0}), (6, {"ts": 6.5}), (7, {"ts": None})]
        assert decoded.unfit == {"ts": 1}


def test_time_kafka_is_the_record_timestamp() -> None:
    """A record without one (−1) has no time; stamps from the future are refused here, too."""
    stamps = [5, -1, NOW + FUTURE, NOW + FUTURE + 1]
    decoded = decode(EventSchema({}, {"kafka": NUMBER}, "kafka"), *[b'{"kafka":1}'] * 4, stamps=stamps)
    assert rows(decoded) == [(5, {"kafka": 1.0}), (NOW + FUTURE, {"kafka": 1.0})]
    assert reasons(decoded) == ["missing_time", "future_time"]


def test_an_empty_batch_gives_no_rows() -> None:
    """Columns are there, with no entry."""
    decoded = decode(EventSchema({"a": NUMBER}, {"b": STRING}, "ts"))
    assert len(decoded.frame) == 0
    assert {name: len(column) for name, column in decoded.frame.columns.items()} == {"a": 0, "b": 0}


def test_string_codes_last_over_batches_and_are_renewed_when_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """One dictionary per column, so operators may remember what a code means; a new one when it has grown too big."""
    monkeypatch.setattr(json_rows, "_MAX_NAMES", 3)
    decoder = JsonDecoder(EventSchema({}, {"h": STRING}, "ts", "ms"))
    seen: list[Strings] = []
    for names in ("ab", "bc", "de", "f"):
        payloads = [b'{"ts":1,"h":"%s"}' % name.encode() for name in names]
        column = decoder.decode(_raw(payloads), NOW, FUTURE).frame.columns["h"]
        assert isinstance(column, Strings)
        seen.append(column)
    assert seen[0].dictionary is seen[1].dictionary is seen[2].dictionary
    assert seen[3].dictionary is not seen[2].dictionary
    assert [column.to_list() for column in seen] == [["a", "b"], ["b", "c"], ["d", "e"], ["f"]]


def test_string_columns_cross_process_boundaries() -> None:
    """Pickled and read again, codes mean the same and new names get new codes."""
    column = decode(EventSchema({}, {"h": STRING}, "ts"), b'{"ts":1,"h":"a"}', b'{"ts":1}').frame.columns["h"]
    assert isinstance(column, Strings)
    again: Strings = pickle.loads(pickle.dumps(column))
    assert again.to_list() == ["a", None]
    assert again.dictionary.encode(["new", "a"]).tolist() == [1, 0]


# A slow reader, one record at a time, that shares no code with the decoder.

FIELDS = ("ts", "n", "s", "b", "o.p", "o.q", "x")
VALUES = (
    *("1", "-0", "2.5", "1e3", "1e400", "-1E-400", "1" + "0" * 320, "01", "NaN", "-", "1767571200", "99999999999999"),
    *('"a"', '"5"', '"\\u00e9"', '"é"', '"\\ud800"', '"\\ud83d\\ude00"', '"', '"2026-01-05T00:00:00Z"', '"2026"'),
    *("true", "false", "null", "nul", "[]", "[1,[2]]", "{}", '{"p":1}', '{"p":"1","q":"z"}', '{"p":null,"q":[0]}'),
    *('{"p":1,"p":2}', "[" * 70 + "]" * 70, '"' + "y" * 400 + '"'),
)
KINDS = {"ts": NUMBER, "n": NUMBER, "s": STRING, "b": BOOL, "o.p": NUMBER, "o.q": STRING, "x": NUMBER}

_members = st.tuples(st.sampled_from((*FIELDS, "o")), st.sampled_from(VALUES)).map(lambda m: f'"{m[0]}":{m[1]}')
_objects = st.lists(_members, max_size=6).map(lambda members: ("{" + ",".join(members) + "}").encode())
_timed = _objects.map(lambda text: text[:-1] + (b"," if len(text) > 2 else b"") + b'"ts":5}')
_splices = st.tuples(_timed, st.integers(0, 60), st.integers(0, 3), st.binary(max_size=3)).map(
    lambda s: s[0][: s[1]] + s[3] + s[0][s[1] + s[2] :]
)
_payloads = st.one_of(_timed, _timed, _objects, _splices, st.none(), st.binary(max_size=6))


@settings(max_examples=250)
@given(st.lists(_payloads, max_size=8), st.sets(st.sampled_from(FIELDS)), st.sets(st.sampled_from(FIELDS[1:])))
def test_agrees_with_a_slow_reader(payloads: list[bytes | None], declared: set[str], inferred: set[str]) -> None:
    """Same rows, same nulls, same reasons, same counts, for any payloads and any choice of fields; twice in a row."""
    schema = EventSchema(
        {name: KINDS[name] for name in FIELDS if name in declared},
        {name: KINDS[name] for name in FIELDS if name in inferred - declared},
        "ts",
        "",
        300,
    )
    expected = [_slow(payload, schema) for payload in payloads]
    decoder = JsonDecoder(schema)
    for _ in range(2):
        decoded = decoder.decode(_raw(payloads), NOW, FUTURE)
        assert list(zip(decoded.refused.rows, decoded.refused.reasons, strict=True)) == [
            (index, row) for index, (row, _) in enumerate(expected) if isinstance(row, str)
        ]
        assert rows(decoded) == [row for row, _ in expected if not isinstance(row, str)]
        good = (unfit for row, unfit in expected if not isinstance(row, str))
        assert decoded.unfit == sum(good, Counter())


@settings(max_examples=60)
@given(st.lists(_payloads, max_size=10), st.integers(0, 10))
def test_batch_cuts_do_not_matter(payloads: list[bytes | None], cut: int) -> None:
    """Two batches through one decoder give what one batch gives."""
    schema = EventSchema({"s": STRING}, {"n": NUMBER, "b": BOOL, "o.p": NUMBER}, "ts")
    whole = decode(schema, *payloads)
    decoder = JsonDecoder(schema)
    parts = [decoder.decode(_raw(part), NOW, FUTURE) for part in (payloads[:cut], payloads[cut:])]
    assert rows(whole) == rows(parts[0]) + rows(parts[1])
    assert reasons(whole) == reasons(parts[0]) + reasons(parts[1])


Row = tuple[int, dict[str, Any]]


def _slow(payload: bytes | None, schema: EventSchema) -> tuple[str | Row, Counter[str]]:
    """What becomes of one record: its row or the reason, and the fields that did not fit."""
    unfit: Counter[str] = Counter()
    if payload is None or not payload.strip(b" \t\r\n"):
        return "empty", unfit
    if len(payload) > schema.max_bytes:
        return "too_large", unfit
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return "bad_utf8", unfit
    if _slow_depth(text) > 64:
        return "too_deep", unfit
    try:
        record = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_no_surrogates)
        json.dumps(record, ensure_ascii=False).encode()
    except ValueError:
        return "bad_json", unfit
    if not isinstance(record, dict):
        return "not_an_object", unfit
    values: dict[str, Any] = {}
    for name, kind in (*schema.inferred.items(), *schema.declared.items()):
        found = _slow_find(record, name)
        values[name] = _slow_value(found, kind)
        if found is not None and values[name] is None:
            if name in schema.declared:
                return f"wrong_type: {name}", unfit
            unfit[name] += 1
    time = _slow_time(record.get("ts"))
    return (time if isinstance(time, str) else (time, values)), unfit


def _no_constant(word: str) -> NoReturn:
    raise ValueError(word)


def _no_surrogates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Raises UnicodeEncodeError, a ValueError, also for fields that a later one of the same name hides."""
    json.dumps(pairs, ensure_ascii=False).encode()
    return dict(pairs)


def _slow_depth(text: str) -> int:
    depth = deepest = 0
    quoted = escaped = False
    for mark in text:
        if quoted:
            quoted, escaped = mark != '"' or escaped, mark == "\\" and not escaped
        elif mark == '"':
            quoted = True
        else:
            depth += (mark in "{[") - (mark in "}]")
            deepest = max(deepest, depth)
    return deepest


def _slow_find(record: Mapping[str, Any], name: str) -> Any:
    if record.get(name) is not None or "." not in name:
        return record.get(name)
    holder, part = name.split(".")
    inner = record.get(holder)
    return inner.get(part) if isinstance(inner, dict) else None


def _slow_value(found: Any, kind: Kind) -> Any:
    match kind:
        case Kind.NUMBER:
            fits = isinstance(found, int | float) and not isinstance(found, bool) and abs(found) < 10**308
            return float(found) if fits else None
        case Kind.STRING:
            return found if isinstance(found, str) else None
        case Kind.BOOL:
            return found if isinstance(found, bool) else None


def _slow_time(value: Any) -> int | str:
    known = {"2026-01-05T00:00:00Z": NOW, 1: 1_000, -0: 0, 2.5: 2_500, 1000.0: 1_000_000, 5: 5_000, 1767571200: NOW}
    if value is None:
        return "missing_time"
    if value == 99_999_999_999_999:
        return 99_999_999_999
    if isinstance(value, bool | list | dict) or value not in known:
        return "bad_time"
    return known[value]


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_slices_of_a_batch_show_nowhere(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """Values, codes, positions, refusals and counts are those of the whole batch decoded at once."""
    schema = EventSchema({"cpu": NUMBER}, {"host": STRING, "up": BOOL}, "ts", "ms")
    payloads = [
        b'{"ts":5,"cpu":1,"host":"a","up":true}', b"{", b'{"ts":7,"host":"b","up":"no"}', None, b'{"ts":6,"host":"a"}',
        b'{"ts":8,"host":7,"up":false}', b'{"ts":9,"cpu":"x"}',
    ]  # fmt: skip
    whole = decode(schema, *payloads)
    monkeypatch.setattr(json_rows, "SLICE", size)
    sliced = decode(schema, *payloads)
    assert rows(sliced) == rows(whole)
    assert sliced.refused == whole.refused
    assert dict(sliced.unfit) == dict(whole.unfit)
    assert sliced.frame.position is not None
    assert whole.frame.position is not None
    assert sliced.frame.position.tolist() == whole.frame.position.tolist()
    assert sliced.frame.columns["host"].dictionary.names == ["a", "b"]  # type: ignore[union-attr]


def test_texts_are_bounded() -> None:
    """A text that could not cross the exchange: where declared a dead letter, else null and counted."""
    fits, long = "x" * MAX_TEXT, "é" * (MAX_TEXT + 1)
    schema = EventSchema({"host": STRING}, {"kind": STRING}, "ts", "ms", max_bytes=10_000_000)
    payloads = [
        json.dumps({"ts": ts, "host": host, "kind": kind}).encode()
        for ts, (host, kind) in enumerate([(fits, "k"), (long, "k"), ("a", long), ("a", fits), ("b", 5)])
    ]
    decoded = decode(schema, *payloads)
    assert reasons(decoded) == ["too_long: host"]
    found = [(time, row["host"], row["kind"]) for time, row in rows(decoded)]
    assert found == [(0, fits, "k"), (2, "a", None), (3, "a", fits), (4, "b", None)]
    assert decoded.unfit == {"kind": 2}


def test_a_text_too_long_stays_so_where_a_field_often_misfits() -> None:
    """From the second batch on any scalar is taken for such a field; the bound holds there too."""
    decoder = JsonDecoder(EventSchema({}, {"kind": STRING}, "ts", "ms", max_bytes=10_000_000))
    long = json.dumps({"ts": 1, "kind": "x" * (MAX_TEXT + 1)}).encode()
    for _ in range(3):
        decoded = decoder.decode(_raw([long, b'{"ts":1,"kind":5}', b'{"ts":1,"kind":"a"}']), NOW, FUTURE)
        assert [row["kind"] for _, row in rows(decoded)] == [None, None, "a"]
        assert decoded.unfit == {"kind": 2}


@pytest.mark.parametrize("inferred", [{}, {"ts": NUMBER}, {"ts": STRING}])
def test_times_of_another_kind_are_read_alike_whether_few_or_many(inferred: dict[str, Kind]) -> None:
    """After numbers alone a text among them is read by itself; once texts are many, they are usual again."""
    decoder = JsonDecoder(EventSchema({"host": STRING}, inferred, "ts"))
    number, text = b'{"ts":1767571200000,"host":"n"}', b'{"ts":"2026-01-05T00:00:01Z","host":"t"}'
    bad = b'{"ts":"soon","host":"b"}'
    batches = [[number] * 9, [number, text, number, bad], [text, bad, number] * 40, [bad] * 3, [number, text, bad]]
    for batch in batches:
        fresh = JsonDecoder(EventSchema({"host": STRING}, inferred, "ts")).decode(_raw(batch), NOW, FUTURE)
        found = decoder.decode(_raw(batch), NOW, FUTURE)
        assert rows(found) == rows(fresh)
        assert (found.refused, dict(found.unfit)) == (fresh.refused, dict(fresh.unfit))
        assert found.refused.reasons == ["bad_time"] * batch.count(bad)
        assert found.frame.time.tolist() == [1767571200000 + 1000 * (each == text) for each in batch if each != bad]
