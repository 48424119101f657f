"""`expect: TABLE where C`: the rows of a table are keys from the first second on, whether or not they are heard of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from streamwatchd.lang.scope import JoinedTable
from streamwatchd.lang.typed import (
    Expr,
    Field,
    Key,
    Kind,
    TableColumn,
    conjunction,
    conjuncts,
    first_on,
    rebuilt,
    walk,
)
from streamwatchd.rules import codes, streams
from streamwatchd.rules.building import Work
from streamwatchd.rules.document import Document, Scalar
from streamwatchd.rules.drafts import RuleDraft
from streamwatchd.rules.form import Findings
from streamwatchd.rules.ruleset import Expect, Table
from streamwatchd.rules.streams import Stream

_EXPECT = re.compile(r"\s*([^\W\d]\w*)\s*(?:\bwhere\b\s*(.+))?", re.IGNORECASE | re.DOTALL)
_HINT = "write `expect: devices`, or `expect: devices where role == edge`"


def expected_table(draft: RuleDraft) -> str:
    """The table whose rows a rule expects; empty if none."""
    scalar = draft.body.scalar("expect") if draft.kind == "alarm" else None
    found = _EXPECT.fullmatch(scalar.text) if scalar is not None else None
    return found[1] if found else ""


def with_expected(draft: RuleDraft, inputs: tuple[Stream, ...], tables: Mapping[str, Table]) -> tuple[Stream, ...]:
    """What the rule reads, with the table that it expects joined on its key where the source does not join it."""
    name, keys = expected_table(draft), draft.body.scalars("by")
    table = tables.get(name)
    if table is None or len(keys) != 1:
        return inputs
    joined = JoinedTable(name, keys[0].text, table.columns)
    return tuple(
        stream
        if any(known.name == name for known in stream.tables)
        else replace(stream, tables=(*stream.tables, joined))
        for stream in inputs
    )


def build_expect(work: Work) -> Expect | None:
    """What `expect:` says; None without one, or with a finding."""
    scalar = work.draft.body.scalar("expect")
    if scalar is None:
        return None
    parts = expect_parts(scalar, work.findings)
    if parts is None:
        return None
    name, condition = parts
    table = next((each for each in streams.tables_of(work.inputs) if each.name == name), None)
    if not _fits(work, scalar, table) or table is None:
        return None
    key = work.keys[0]
    where = None
    if condition is not None:
        where = work.language.expression(condition, streams.expected(table, key.name, key.expr.type), Kind.BOOL)
    standing = tuple(each for part in conjuncts(work.where) if (each := _of_keys(part, work)) is not None)
    return Expect(table.name, conjunction((*conjuncts(where), *standing)))


def expect_parts(scalar: Scalar, findings: Findings) -> tuple[str, Scalar | None] | None:
    """The table and the condition on its rows, if there is one; None with a finding."""
    found = _EXPECT.fullmatch(scalar.text)
    if found is None:
        message = "`expect` names a table, and may filter it"
        findings.add(codes.BAD_CHOICE, message, scalar.span, hint=_HINT)
        return None
    return found[1], part_of(findings.document, scalar, found.start(2)) if found[2] is not None else None


def _fits(work: Work, scalar: Scalar, table: JoinedTable | None) -> bool:
    """Whether the rule is one that can expect keys."""
    findings, keys = work.findings, work.keys
    if len(work.draft.body.scalars("by")) != 1:
        hint = "write one key in `by:`: the field that says what the table's key says"
        findings.add(codes.UNEXPECTED_KEYS, "`expect` needs a rule with one key", scalar.span, hint=hint)
        return False
    if not keys or table is None:
        return False  # has been said
    if not isinstance(keys[0].expr, Field) or keys[0].expr.type.kind is Kind.BOOL:
        hint = "write the field of the event that says what the table's key says"
        findings.add(codes.UNEXPECTED_KEYS, "`expect` needs a key that is a field of events", scalar.span, hint=hint)
        return False
    if table.on != keys[0].name:
        message = f"the source joins `{table.name}` on `{table.on}`, but the rule's key is `{keys[0].name}`"
        findings.add(codes.UNEXPECTED_KEYS, message, scalar.span, hint=f"write `by: {table.on}`")
        return False
    if not work.draft.windowed or any(stream.is_kpi for stream in work.inputs):
        message = "`expect` needs a condition over windows of a source: of a key never heard there is no event"
        findings.add(
            codes.UNEXPECTED_KEYS, message, scalar.span, hint="write `when: count(over 15m) == 0`, on a source"
        )
        return False
    return True


def _of_keys(part: Expr, work: Work) -> Expr | None:
    """A part of `where` that reads only keys and table columns of keys, as it is judged without an event."""
    names = {key.name for key in work.keys}
    for node in walk(part):
        if (isinstance(node, Field) and node.name not in names) or (
            isinstance(node, TableColumn) and first_on(node.on) not in names
        ):
            return None
    return rebuilt(part, lambda node: Key(node.name, node.type) if isinstance(node, Field) else None)


def part_of(document: Document, scalar: Scalar, start: int) -> Scalar:
    """The rest of a scalar from a position of its text on, as a scalar of its own."""
    span = document.within(scalar, start, len(scalar.text))
    text = scalar.text[start:]
    at = scalar.start + start + (1 if scalar.style in ("'", '"') else 0)
    return Scalar(text, text, scalar.style, span, at, scalar.end)
