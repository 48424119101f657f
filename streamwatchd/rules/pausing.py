"""`pause:` of an alarm: the calendars while which it is not judged."""

from __future__ import annotations

from streamwatchd.lang.typed import And, During, Expr, Not, Or
from streamwatchd.rules import codes
from streamwatchd.rules.building import Work
from streamwatchd.rules.document import Mapping, Scalar
from streamwatchd.rules.unless import calendars_in

_NOT_YET = "is not supported yet"


def build_pause(work: Work) -> Expr | None:
    """What the rule, or the `defaults` of its file, say; None without, or with a finding."""
    scalar = work.draft.body.scalar("pause")
    if scalar is None:
        return None
    refused = _refused(work)
    if refused:
        if not _is_default(work, scalar):
            hint = "write `unless:` with the same calendar: it is judged then, and nobody is told"
            message = f"`pause` {refused} {_NOT_YET}"
            work.findings.add(codes.NOT_SUPPORTED_YET, message, work.draft.body.key("pause"), hint=hint)
        return None
    expr = calendars_in(work, scalar)
    if expr is not None and not _is_plain(expr):
        hint = "write `during(calendar)`, joined by `and`, `or` and `not`; what is true of keys belongs to `where:`"
        work.findings.add(codes.BAD_UNLESS, "`pause` asks for more than calendars", scalar.span, hint=hint)
        return None
    return expr


def _refused(work: Work) -> str:
    body = work.draft.body
    on_windows = work.draft.windowed and work.draft.kind == "alarm"
    if not on_windows and body.text("no_data", "keep").strip() != "keep":
        return f"of {'an alarm on single events' if work.draft.kind == 'alarm' else 'an anomaly rule'} with `no_data`"
    return ""


def _is_plain(expr: Expr) -> bool:
    match expr:
        case During():
            return True
        case Not(arg):
            return _is_plain(arg)
        case And(args) | Or(args):
            return all(map(_is_plain, args))
    return False


def _is_default(work: Work, scalar: Scalar) -> bool:
    """Whether the rule takes it over from its file, where it is meant for those that it fits."""
    shared = work.draft.defaults.values.get("defaults")
    return isinstance(shared, Mapping) and shared.get("pause") is scalar
