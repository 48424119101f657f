"""Regular expressions that do more than they need."""

from __future__ import annotations

import re
from collections.abc import Iterator

from streamwatchd.lang.typed import Match
from streamwatchd.rules.lint._check import Check, Finding, Subject, parts

_PLAIN = r"[\w /:@-]+"
_NEEDLESS = re.compile(r"^\^?\.[*+]\??(?!$)|(?<!\\)\.\*\$?$")
_WHOLE = re.compile(rf"\^({_PLAIN})\$|\^\(({_PLAIN}(\|{_PLAIN})*)\)\$")
_LARGE = re.compile(r"\{(\d+,)?(\d{3,})\}")


def _find(subject: Subject) -> Iterator[Finding]:
    for rule in subject.rules.rules:
        for pattern in sorted({expr.pattern for expr in parts(rule) if isinstance(expr, Match)}):
            hint = _hint(pattern)
            if hint:
                yield Finding(
                    f"the regular expression `{pattern}` of `{rule.name}` does more than it needs", hint, rule
                )


def _hint(pattern: str) -> str:
    whole = _WHOLE.fullmatch(pattern)
    if whole is not None:
        words = (whole[1] or whole[2]).split("|")
        listed = ", ".join(f'"{word}"' for word in words)
        return f"it is `== {listed}`" if len(words) == 1 else f"it is `in ({listed})`"
    if _NEEDLESS.search(pattern):
        return "`~` finds the pattern anywhere in the text: leave `.*` at its ends out"
    large = _LARGE.search(pattern)
    return f"`{large[0]}` is costly: does a smaller repeat say the same?" if large else ""


SPEC = Check(
    code="SW610",
    summary="a regular expression that does more than it needs",
    why="It runs once for each distinct text of a batch. What can take exponential time is refused anyway (SW213).",
    bad="""
source: web
rules: [{alarm: failing, when: 'page ~ ".*checkout.*"'}]
""",
    good="""
source: web
rules: [{alarm: failing, when: 'page ~ "checkout"'}]
""",
    find=_find,
)
