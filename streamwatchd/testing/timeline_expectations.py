"""The rows under `expect:` and `expect_no:` → expectations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from streamwatchd.diagnostics import did_you_mean
from streamwatchd.operators.document import iso
from streamwatchd.rules import document
from streamwatchd.rules.document import Node, Scalar
from streamwatchd.rules.form import Findings, Read, read
from streamwatchd.rules.ruleset import Alarm, Anomaly, Kpi, Rule
from streamwatchd.rules.streams import SCORE
from streamwatchd.testing import timeline_codes as codes
from streamwatchd.testing.timeline import Expectation, Kind
from streamwatchd.testing.timeline_spec import EXPECTATIONS
from streamwatchd.testing.timeline_times import instant, relative

_KINDS: Mapping[Kind, tuple[type[Rule], ...]] = {
    Kind.ALARM: (Alarm, Anomaly),
    Kind.KPI: (Kpi,),
    Kind.ANOMALY: (Anomaly,),
}
"""An anomaly rule has the life of an alarm, and events of its own."""
_VALUES = {"storm": ("folded",), "flapping": ("changes", "window")}
"""Of alerts that stand for many."""
_TIMES = ("starts_at", "ends_at")
_NOT_FIELDS = ("at", "by", "exact", "tolerance", *EXPECTATIONS)


@dataclass(frozen=True, slots=True)
class ExpectationReader:
    """`rules` are those that the test loads, by name; `others` those of the project that it does not load.

    With `names_unknown` (rules files that do not check) nothing is said about names.
    """

    rules: Mapping[str, Rule]
    others: Mapping[str, Rule]
    sources: Iterable[str]
    start_ms: int
    findings: Findings
    names_unknown: bool

    def read(self, row: document.Mapping) -> Expectation | None:
        """None where the row is no expectation; what is wrong is reported."""
        heads = [head for head in EXPECTATIONS if row.get(head) is not None]
        if len(heads) != 1:
            hint = f"begin it with one of {', '.join(f'`{head}:`' for head in EXPECTATIONS)}"
            self._add(codes.BAD_EXPECTATION, "the row does not say what it expects", row, hint)
            return None
        kind = Kind(heads[0])
        body = read(row, EXPECTATIONS[kind], self.findings)
        name = body.text(kind)
        self._check_name(kind, name, body)
        share = body.share("tolerance", 0.0)
        return Expectation(
            kind,
            name,
            {key: self._value(key, node) for key, node in body.values.items() if key not in _NOT_FIELDS},
            row.span,
            _flow(row),
            at_ms=instant(body.scalar("at"), "at", self.start_ms, self.findings),
            by_ms=instant(body.scalar("by"), "by", self.start_ms, self.findings),
            exact=body.truth("exact"),
            tolerance=share or 1e-6,
        )

    def _check_name(self, kind: Kind, name: str, body: Read) -> None:
        if self.names_unknown or not name:
            return
        if kind in (Kind.LATE, Kind.DEAD_LETTER):
            self._check_among(name, self.sources, "source", body, kind)
            return
        rule = self.rules.get(name)
        wanted = _KINDS[kind]
        if isinstance(rule, wanted):
            self._check_fields(rule, body)
        elif name in self.others:
            path = self.others[name].span.file
            hint = f"add its file to `rules:`: {path}"
            self._add(codes.UNKNOWN_RULE, f"the test does not load `{name}`", body.node, hint, body.scalar(kind))
        elif rule is not None:
            other = next(word for word, classes in _KINDS.items() if isinstance(rule, classes))
            hint = f"write `{other}: {name}`"
            self._add(codes.UNKNOWN_RULE, f"`{name}` is no {kind}", body.node, hint, body.scalar(kind))
        else:
            known = [each.name for each in self.rules.values() if isinstance(each, wanted)]
            self._check_among(name, known, kind, body, kind)

    def _check_among(self, name: str, known: Iterable[str], what: str, body: Read, kind: Kind) -> None:
        known = list(known)
        if name not in known:
            hint = did_you_mean(name, known) or (f"there are {', '.join(known)}" if known else "")
            self._add(codes.UNKNOWN_RULE, f"there is no {what} `{name}`", body.node, hint, body.scalar(kind))

    def _check_fields(self, rule: Rule, body: Read) -> None:
        """Keys and values that the rule does not have, and a word that it never says."""
        event = body.text("event")
        if event == "flapping" and isinstance(rule, Alarm | Anomaly) and rule.flapping is None:
            hint = "give it `flapping: 6 changes in 30m until 2`; a file's `defaults:` may say so for all its rules"
            self._add(codes.BAD_EXPECTATION, f"`{rule.name}` never flaps", body.node, hint, body.scalar("event"))
            return
        self._check_names("key", [key.name for key in rule.by], (), rule, body)
        if event in _VALUES:
            self._check_names("values", _VALUES[event], (), rule, body)
        else:
            ends = () if isinstance(rule, Kpi) or event not in ("", "resolved") else _ends(rule)
            own = [value.name for value in rule.values] + ([SCORE] if isinstance(rule, Anomaly) else [])
            self._check_names("values", own, ends, rule, body)

    def _check_names(self, field: str, known: Sequence[str], also: Sequence[str], rule: Rule, body: Read) -> None:
        for key, _ in body.entries(field):
            if key.text not in (*known, *also):
                what = "key" if field == "key" else "value"
                hint = did_you_mean(key.text, known) or (f"it has {', '.join(known)}" if known else "it has none")
                self._add(codes.BAD_EXPECTATION, f"`{rule.name}` has no {what} `{key.text}`", body.node, hint, key)

    def _value(self, name: str, node: Node) -> object:
        """As it stands in a document: times after the start become ISO-8601."""
        if name == "window" and isinstance(node, document.Mapping):
            return {key.text: self._time(value) for key, value in node.entries}
        if name in _TIMES:
            return self._time(node)
        if isinstance(node, document.Mapping):
            return {key.text: value.value for key, value in node.entries if isinstance(value, Scalar)}
        return node.value if isinstance(node, Scalar) else None

    def _time(self, node: Node) -> object:
        if not isinstance(node, Scalar):
            return None
        if node.value is None:
            return None
        found = relative(node.text, self.start_ms)
        return node.text if found is None else iso(self.start_ms + found)

    def _add(self, code: str, message: str, row: document.Mapping, hint: str, at: Scalar | None = None) -> None:
        self.findings.add(code, message, at.span if at is not None else row.span, hint=hint)


def _ends(rule: Alarm | Anomaly) -> tuple[str, ...]:
    """Values of the alerts that stand for many of its alarms, as they resolve."""
    return _VALUES["storm"] + (() if rule.flapping is None else _VALUES["flapping"])


def _flow(node: Node) -> str:
    """As it was written, on one line."""
    match node:
        case Scalar(text=text, style=style):
            return f'"{text}"' if style else text
        case document.Sequence(items=items):
            return f"[{', '.join(map(_flow, items))}]"
        case document.Mapping(entries=entries):
            return "{" + ", ".join(f"{key.text}: {_flow(value)}" for key, value in entries) + "}"
