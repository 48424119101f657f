"""`sequence:` with `within:` and `until:` in an alarm."""

from __future__ import annotations

from streamwatchd.lang import fold, syntax
from streamwatchd.lang.typed import BOOL, Expr, Kind, Literal
from streamwatchd.rules import codes
from streamwatchd.rules.building import Work
from streamwatchd.rules.document import Mapping, Scalar
from streamwatchd.rules.document import Sequence as Items
from streamwatchd.rules.expressions import parsed
from streamwatchd.rules.ruleset import Level, Sequence
from streamwatchd.rules.streams import Place

MOST_STEPS = 32
_NOT_WITH = (
    *("when", "levels", "keep_firing_for", "no_data", "unless", "expect", "limit", "max_active", "every", "in_order"),
)


def has_sequence(work: Work) -> bool:
    return "sequence" in work.draft.body


def build_sequence(work: Work, place: Place) -> Sequence | None:
    """What `sequence:` says; None with a finding."""
    body, findings = work.draft.body, work.findings
    for name in _NOT_WITH:
        if name in body:
            message = f"`{name}` has no meaning in an alarm with `sequence`"
            findings.add(codes.EXCLUSIVE_FIELDS, message, body.key(name), hint="take it out")
    if work.draft.windowed:
        message = "`values` of an alarm with `sequence` are of the event that completes it, without aggregates"
        findings.add(codes.EXCLUSIVE_FIELDS, message, body.key("sequence"), hint="make a KPI of them")
    if not body.scalars("by"):
        findings.add(
            codes.MISSING_FIELD, "`sequence` needs `by:`", body.key("sequence"), hint="say whose events they are"
        )
    if len(work.inputs) > 1:
        message = "`sequence` over several sources is not supported yet"
        findings.add(codes.NOT_SUPPORTED_YET, message, body.key("sequence"), hint="read one source, or write two rules")
    within_ms = body.duration("within") if "within" in body else 0
    if not within_ms:
        findings.add(codes.MISSING_FIELD, "`sequence` needs `within:`", body.key("sequence"), hint="add `within: 10m`")
    steps, never = _steps(work, place)
    until = body.scalar("until")
    ends = work.language.expression(until, place, Kind.BOOL) if until is not None else None
    least = 1 if never is not None else 2
    if not findings.has_errors and not least <= len(steps) <= MOST_STEPS:
        message = (
            f"a sequence has 2 to {MOST_STEPS} steps" if len(steps) else "a sequence needs an event that must happen"
        )
        findings.add(codes.OUT_OF_RANGE, message, body.key("sequence"), hint="write `when:` for a single event")
    return None if findings.has_errors else Sequence(tuple(steps), never, ends, within_ms)


def _steps(work: Work, place: Place) -> tuple[list[Expr], Expr | None]:
    """What must happen in turn, and what then must not."""
    node = work.draft.body.values.get("sequence")
    items = node.items if isinstance(node, Items) else ()
    steps: list[Expr] = []
    never: Expr | None = None
    for number, item in enumerate(items):
        if isinstance(item, Mapping):
            message = "a step that names a source is not supported yet"
            work.findings.add(codes.NOT_SUPPORTED_YET, message, item.span, hint="write two rules")
        if not isinstance(item, Scalar):
            continue
        expr = work.language.expression(item, place, Kind.BOOL)
        if expr is None:
            continue
        if number == len(items) - 1 and isinstance(parsed(item.text), syntax.Not):
            never = fold.negation(expr)
        else:
            steps.append(expr)
    return steps, never


def level_of(work: Work) -> tuple[Level, ...]:
    """The severity, as levels say it."""
    return (Level(work.draft.body.text("severity", "warning"), Literal(True, BOOL)),)
