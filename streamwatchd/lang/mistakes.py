"""Syntax errors in words: what stands there, what could, and the way out for the usual mistakes."""

from __future__ import annotations

import re
from collections.abc import Set

from streamwatchd.lang import units
from streamwatchd.lang.problem import Problem

RESERVED = frozenset(
    ["and", "or", "not", "in", "is", "null", "true", "false", "where", "over", "ago", "by", "for", "until"]
)

_CLOSER = {"(": ")", "[": "]", "{": "}"}
_SKIP = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|`[^`]*`|[^"\'`()\[\]{}]+', re.DOTALL)

_FOREIGN = {
    "===": "write `==`",
    "=>": "write `>=`",
    "=<": "write `<=`",
    ">>": "write `>`",
    "<<": "write `<`",
    "**": "write a product, `x * x`; there is no power",
    "//": "write `/`, and `floor(…)` around it for whole numbers",
    "&&": "write `and`",
    "||": "write `or`",
    "!~": 'write `not (x ~ "…")`',
    "=~": "write `~`",
    "!": "write `not`",
    "&": "write `and`",
    "|": "write `or`",
    "^": "write a product, `x * x`; there is no power",
    "?": "there is no `a ? b : c`; use two levels or two rules",
    "$": "write the bare name",
    "@": "put a name with special characters in back-ticks",
    ";": "one expression an entry; join with `and`",
    "≥": "write `>=`",
    "≤": "write `<=`",
    "≠": "write `!=`",
    "“": 'write straight quotes, `"…"`',
    "”": 'write straight quotes, `"…"`',
    "‘": 'write straight quotes, `"…"`',
    "’": 'write straight quotes, `"…"`',
}


def unbalanced(text: str, max_depth: int) -> Problem | None:
    """The first bracket without its partner, an unclosed quote, or brackets nested too deeply; one pass."""
    opened: list[tuple[str, int]] = []
    position = 0
    while position < len(text):
        if skipped := _SKIP.match(text, position):
            position = skipped.end()
            continue
        character = text[position]
        if character in "\"'`":
            return Problem("SW104", f"the quote {character} is never closed", position, len(text), "opened here")
        if character in _CLOSER:
            opened.append((character, position))
            if len(opened) > max_depth:
                message = f"brackets are nested more than {max_depth} deep"
                return Problem("SW105", message, position, position + 1, hint="split it over several `values:`")
        elif not opened or _CLOSER[opened[-1][0]] != character:
            hint = f"close `{opened[-1][0]}` first" if opened else "remove it, or open one before it"
            return Problem("SW103", f"`{character}` closes nothing", position, position + 1, hint=hint)
        else:
            opened.pop()
        position += 1
    if opened:
        bracket, at = opened[-1]
        return Problem("SW103", f"`{bracket}` is never closed", at, at + 1, "opened here", f"add `{_CLOSER[bracket]}`")
    return None


def explain(text: str, start: int, end: int, token: str, expected: Set[str]) -> Problem:
    """The problem of an unexpected token (`token` its terminal, "$END" past the end, "" an unknown character)."""
    if token == "$END":
        return _at_end(text, start, end)
    rest = text[start:]
    for spelled, hint in _FOREIGN.items():
        if rest.startswith(spelled) or (start and text[start - 1 :].startswith(spelled)):
            at = start if rest.startswith(spelled) else start - 1
            return Problem("SW106", f"`{spelled}` is no operator here", at, at + len(spelled), hint=hint)
    found = text[start:end]
    message = f"`{found}` can't stand here"
    return Problem("SW101", message, start, end, _could_stand(expected), _way_out(text, start, found, token))


def _at_end(text: str, start: int, end: int) -> Problem:
    words = text[:start].split()
    hint = "complete it, or quote the whole text if YAML cut it"
    if words[-1] == "%" and len(words) > 1 and words[-2][-1].isdigit():
        hint = f"write the unit without a space: `{words[-2]}%`"
    return Problem("SW101", f"something is missing after `{words[-1]}`", start, end, "the text ends here", hint)


def _could_stand(expected: Set[str]) -> str:
    if "NAME" in expected:
        return "expected a name, a number, a string or `(`"
    if expected == {"NUMBER"}:
        return "expected a duration such as `5m`"
    return "expected an operator" if "COMPARE" in expected else "expected the end, or an operator such as `and`"


_WORDS = {
    "between": "write `x >= 1 and x <= 5`",
    "contains": 'write `contains(x, "…")`',
    "startswith": 'write `starts_with(x, "…")`',
    "endswith": 'write `ends_with(x, "…")`',
    "like": 'write `x ~ "regex"`, `starts_with(x, "…")` or `contains(x, "…")`',
    "*": "count events with `count()`",
    "[": "the window stands inside the aggregate: `avg(x over 5m)`",
    ",": "join conditions with `and`; commas stand only between arguments and in `in (…)`",
    "/": 'put a text with special characters in quotes: `"/var/log"`',
    ":": 'put a text with special characters in quotes: `"a:b"`',
    "#": 'put a text with special characters in quotes: `"#1"`',
    "{": "write the bare name; braces are for messages",
    "%": "the unit stands behind the number: `5%`",
}
_HOLD = re.compile(r"\b(for|until)\s+\S+$", re.IGNORECASE)
_CLAUSES = frozenset({"WHERE", "OVER", "AGO", "BY"})


def _way_out(text: str, start: int, found: str, token: str) -> str:
    before = text[:start].rstrip()
    unit = units.find(found)
    if before and before[-1].isdigit() and unit:
        number = re.split(r"[\s(,<>=~+*/-]", before)[-1]
        return f"write the unit without a space: `{number}{units.spelling(unit.name)}`"
    if found.lower() in _WORDS:
        return _WORDS[found.lower()]
    if token in {"_FOR", "_UNTIL"}:
        return "a condition is `C for 5m until C for 2m`: each part once, in this order, and only in `when` and levels"
    if token in {"_AND", "_OR"} and _HOLD.search(before):
        return "`for` and `until` end a condition: put all of it before them, as in `a > 1 and b > 2 for 5m`"
    if token in _CLAUSES and before and before[-1] not in "<>=(,":
        return "it stands inside an aggregate: `avg(x where C over 5m ago 1h by host)`"
    if found.lower() in RESERVED:
        return f"`{found}` is a word of the language; for a field of that name write it in back-ticks: `` `{found}` ``"
    if token == "COMPARE" and before.endswith(("=", "<", ">", "!")):
        return "the operators are `==` `!=` `<` `<=` `>` `>=`"
    if token in {"NAME", "NUMBER", "STRING"} and before:
        return "put an operator between the two, or quotes around a text of several words"
    return ""


_TEMPLATE_SKIP = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|`[^`]*`')


def closing_brace(text: str, start: int) -> tuple[int, int]:
    """Offsets of the `}` and of the `:` before it that ends a placeholder opened before `start`; −1 where missing."""
    position, colon = start, -1
    while position < len(text):
        if colon < 0 and (quoted := _TEMPLATE_SKIP.match(text, position)):
            position = quoted.end()
            continue
        if text[position] == "}":
            return position, colon
        if text[position] == "{":
            return -1, colon
        if text[position] == ":" and colon < 0:
            colon = position
        position += 1
    return -1, colon
