"""What a rule need not say again: fields of `defaults:` at the top of its file, and of the rule that it `extends`.

Done on what was written, before anything is checked: a rule reads as if it stood there in full, and a mistake in what
it takes over is shown where it stands.
"""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from dataclasses import replace

from streamwatchd.diagnostics import did_you_mean
from streamwatchd.fields import Record
from streamwatchd.rules import codes
from streamwatchd.rules.document import Mapping, Node, Scalar
from streamwatchd.rules.form import Findings

_MERGED = ("values", "levels", "labels", "params")
"""Mappings of which a rule that extends another one adds or changes entries; any other field it replaces."""

_ABOVE = ("source", "every", "labels", "params", "timezone")
"""What all rules of a file may take over without `defaults:`."""

_INSTEAD = {"levels": ("when", "severity"), "when": ("levels",), "session": ("over", "every")}
"""A field, and those that it takes the place of where they would be taken over."""


class Inheritance:
    """The rules of one file; `records` are what they may say, by their first word."""

    def __init__(
        self, items: tuple[Node, ...], defaults: Node | None, records: MappingOf[str, Record], findings: Findings
    ) -> None:
        self._records, self._findings = records, findings
        self._defaults = defaults if isinstance(defaults, Mapping) else None
        self._rules: dict[str, Mapping] = {}
        for item in items:
            name = self._name(item) if isinstance(item, Mapping) else None
            if name is not None and isinstance(item, Mapping):
                self._rules.setdefault(name.text, item)
        if self._defaults is not None:
            self._check_defaults(self._defaults)
        elif defaults is not None:
            hint = "write `defaults: {severity: major}`"
            findings.add(codes.WRONG_TYPE, "`defaults` must be a mapping of fields of rules", defaults.span, hint=hint)

    def _check_defaults(self, defaults: Mapping) -> None:
        known = {field.name for record in self._records.values() for field in record.fields}
        known -= {*self._records, "extends", *_ABOVE}
        for key, _ in defaults.entries:
            if key.text in _ABOVE:
                hint = f"take `{key.text}:` out of `defaults:`, to the beginning of a line"
                message = f"`{key.text}` stands at the top of the file by itself"
                self._findings.add(codes.UNKNOWN_FIELD, message, key.span, hint=hint)
            elif key.text not in known:
                hint = did_you_mean(key.text, sorted(known))
                self._findings.add(codes.UNKNOWN_FIELD, f"`{key.text}` is no field of a rule", key.span, hint=hint)

    def _head(self, rule: Mapping) -> str:
        return next((key.text for key, _ in rule.entries if key.text in self._records), "")

    def _name(self, rule: Mapping) -> Scalar | None:
        node = rule.get(self._head(rule))
        return node if isinstance(node, Scalar) else None

    def full(self, rule: Mapping) -> Mapping | None:
        """The rule with all that it takes over; None where it extends what can't be: the rest would be echoes."""
        extended = self._extended(rule, ())
        return None if extended is None else self._with_defaults(extended)

    def _extended(self, rule: Mapping, way: tuple[str, ...]) -> Mapping | None:
        wanted = rule.get("extends")
        if not isinstance(wanted, Scalar):
            return rule
        base = self._rules.get(wanted.text)
        mine = replace(rule, entries=tuple(entry for entry in rule.entries if entry[0].text != "extends"))
        own = self._name(rule)
        way = (*way, own.text if own is not None else "")
        problem = ""
        if base is None:
            problem = f"no rule of this file has the name `{wanted.text}`"
        elif wanted.text in way:
            problem = f"`{wanted.text}` extends itself"
        elif self._head(base) != self._head(rule):
            problem = f"`{wanted.text}` is of another kind"
        if problem or base is None:
            hint = did_you_mean(wanted.text, self._rules) or "name a rule of the same kind that stands in this file"
            self._findings.add(codes.BAD_EXTENDS, problem, wanted.span, hint=hint)
            return None
        whole = self._extended(base, way)
        return None if whole is None else _merged(whole, mine, self._head(rule))

    def _with_defaults(self, rule: Mapping) -> Mapping:
        record = self._records.get(self._head(rule))
        if self._defaults is None or record is None:
            return rule
        mine = tuple(entry for entry in self._defaults.entries if record.field(entry[0].text) is not None)
        return _merged(replace(self._defaults, entries=mine), rule, self._head(rule))


def _merged(base: Mapping, rule: Mapping, head: str) -> Mapping:
    """What `base` says and `rule` does not, then what the rule says; its own first word."""
    own = {key.text: node for key, node in rule.entries}
    replaced = {name for said in own for name in _INSTEAD.get(said, ())}
    taken = [(key, node) for key, node in base.entries if key.text != head and key.text not in replaced]
    entries = [(key, _joined(node, own.get(key.text), key.text)) for key, node in taken]
    there = {key.text for key, _ in entries}
    entries += [(key, node) for key, node in rule.entries if key.text not in there]
    return replace(rule, entries=tuple(entries))


def _joined(base: Node, own: Node | None, name: str) -> Node:
    if own is None:
        return base
    if name not in _MERGED or not isinstance(base, Mapping) or not isinstance(own, Mapping):
        return own
    mine = {key.text: (key, node) for key, node in own.entries}
    entries = [mine.pop(key.text, (key, node)) for key, node in base.entries]
    return replace(own, entries=(*entries, *mine.values()))
