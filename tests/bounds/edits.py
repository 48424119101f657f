"""A rules file → every edit of one figure of it, found from its tree and not from a list."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from streamwatchd.lang import syntax
from streamwatchd.lang.parser import parse_condition
from streamwatchd.rules.document import Document, Mapping, Node, Scalar, Sequence
from streamwatchd.rules.reader import parse
from streamwatchd.rules.ruleset import SEVERITIES
from tests.bounds import figures

_NO_FIGURES = frozenset({
    "alarm", "kpi", "anomaly", "source", "by", "message", "runbook", "labels", "model", "features", "extends", "mode",
})  # fmt: skip
"""Fields that say who, where and in which words, not when."""
_OPTIONAL = ("where", "unless", "no_data", "min_history", "keep_firing_for", "pause", "severity")
_HEAD = re.compile(r"\s*\w+\s+(?:where|after)\s+")
"""Of `devices where role == "edge"` and `alert after 10m`."""
_ACTIONS = {"alert": "resolve", "resolve": "alert"}


@dataclass(frozen=True, slots=True)
class Edit:
    """Characters `[start, end)` of a rules file become `new`. `rule` is the one that it is in; "" for all of the file.

    `label` is the changed text as people write it.
    """

    rule: str
    start: int
    end: int
    new: str
    label: str

    def of(self, text: str) -> str:
        return text[: self.start] + self.new + text[self.end :]


def edits(path: str, content: bytes) -> list[Edit]:
    """In the order of the file; each changes one thing."""
    document = parse(path, content)
    assert document.top is not None, path
    rules = document.top.get("rules")
    items = rules.items if isinstance(rules, Sequence) else ()
    found = list(_Finder(document, "").of_fields(document.top))
    for item in items:
        assert isinstance(item, Mapping), path
        found += _Finder(document, _name(item)).of_fields(item)
    return found


def _name(rule: Mapping) -> str:
    kinds = (rule.get(kind) for kind in ("alarm", "kpi", "anomaly"))
    return next(kind.text for kind in kinds if isinstance(kind, Scalar))


@dataclass(frozen=True, slots=True)
class _Finder:
    document: Document
    rule: str

    @property
    def _of_whom(self) -> str:
        return f"{self.rule}: " if self.rule else ""

    def of_fields(self, mapping: Mapping) -> Iterator[Edit]:
        for key, node in mapping.entries:
            if key.text in _NO_FIGURES or key.text == "rules":
                continue
            if key.text in _OPTIONAL:
                yield self._without(key.start, f"without {key.text}")
            match key.text:
                case "severity":
                    yield from self._severities(node, ())
                case "levels":
                    yield from self._levels(node)
                case "sequence":
                    yield from self._sequence(node)
                case _:
                    yield from self._of(node, key.text)

    def _of(self, node: Node, where: str) -> Iterator[Edit]:
        match node:
            case Scalar():
                yield from self._expression(node, where)
            case Sequence(items=items):
                for item in items:
                    yield from self._of(item, where)
            case Mapping(entries=entries):
                for key, value in entries:
                    yield from self._of(value, key.text)

    def _expression(self, scalar: Scalar, where: str) -> Iterator[Edit]:
        head = _HEAD.match(scalar.text)
        skipped = head.end() if head else 0
        text = scalar.text[skipped:]
        tree = parse_condition(text)
        assert isinstance(tree, syntax.Condition), f"{scalar.span}: {scalar.text}"
        for start, end, new in figures.changes(text, tree):
            yield self._edit(scalar, skipped + start, skipped + end, new, where)
        for action, other in _ACTIONS.items():
            if head and head.group().split() == [action, "after"]:
                yield self._edit(scalar, 0, len(action), other, where)

    def _levels(self, node: Node) -> Iterator[Edit]:
        assert isinstance(node, Mapping)
        taken = [key.text for key, _ in node.entries]
        for key, value in node.entries:
            yield from self._severities(key, taken)
            yield from self._expression(value, key.text) if isinstance(value, Scalar) else self._of(value, key.text)
            yield self._without(key.start, f"without {key.text}")

    def _severities(self, node: Node, taken: Collection[str]) -> Iterator[Edit]:
        """One step up and down the ranks, to one that no other level has."""
        assert isinstance(node, Scalar)
        rank = SEVERITIES.index(node.text)
        for other in SEVERITIES[max(0, rank - 1) : rank + 2]:
            if other != node.text and other not in taken:
                yield self._edit(node, 0, len(node.text), other, "severity")

    def _sequence(self, node: Node) -> Iterator[Edit]:
        assert isinstance(node, Sequence)
        for item in node.items:
            assert isinstance(item, Scalar)
            yield self._without(item.start, f"without the step {item.text}")
            yield from self._expression(item, "sequence")

    def _edit(self, scalar: Scalar, start: int, end: int, new: str, where: str) -> Edit:
        offset = self._offset(scalar, start)
        text = scalar.text[:start] + new + scalar.text[end:]
        return Edit(self.rule, offset, offset + end - start, new, f"{self._of_whom}{where}: {text}")

    def _offset(self, scalar: Scalar, at: int) -> int:
        span = self.document.within(scalar, at, at + 1)
        return self.document.text_offset(span.line) + span.column - 1

    def _without(self, start: int, what: str) -> Edit:
        """Without the line of that offset."""
        begin = self.document.text.rfind("\n", 0, start) + 1
        return Edit(self.rule, begin, self.document.line_end(start), "", f"{self._of_whom}{what}")
