"""`pause:` of an alarm: the calendars while which it is not judged."""

from __future__ import annotations

from streamwatchd.lang.typed import And, During, Expr, Not, Or
from streamwatchd.rules import codes
from streamwatchd.rules.building import Work
from streamwatchd.rules.unless import calendars_in


def build_pause(work: Work) -> Expr | None:
    """What the rule, or the `defaults` of its file, say; None without, or with a finding."""
    scalar = work.draft.body.scalar("pause")
    if scalar is None:
        return None
    expr = calendars_in(work, scalar)
    if expr is not None and not _is_plain(expr):
        hint = "write `during(calendar)`, joined by `and`, `or` and `not`; what is true of keys belongs to `where:`"
        work.findings.add(codes.BAD_UNLESS, "`pause` asks for more than calendars", scalar.span, hint=hint)
        return None
    return expr


def _is_plain(expr: Expr) -> bool:
    match expr:
        case During():
            return True
        case Not(arg):
            return _is_plain(arg)
        case And(args) | Or(args):
            return all(map(_is_plain, args))
    return False
