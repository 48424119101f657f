"""Regular expressions of `~`: compiled at check time, and refused when they can take exponential time."""

from __future__ import annotations

import re
import re._constants as ops  # type: ignore[import-not-found]
import re._parser as sre  # type: ignore[import-not-found]
import warnings
from typing import Any

MAX_LENGTH = 1_000
MAX_GROUPS = 50
_SAMPLE = [chr(code) for code in range(128)] + ["é", "я", "中", "\u00a0"]


def fault(pattern: str) -> str:
    """Why a pattern can't be compiled, in the compiler's words, or the empty string."""
    if len(pattern) > MAX_LENGTH:
        return f"longer than {MAX_LENGTH:,} characters"
    if pattern.count("(") > MAX_GROUPS:
        return f"more than {MAX_GROUPS} groups"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(pattern)
    except (re.error, OverflowError) as error:
        return str(error)
    return ""


def explodes(pattern: str) -> bool:
    """Whether matching can take time exponential in the text: a repeat within a repeat, or a repeated choice, that
    can split one run of characters in many ways, as in `(a+)+` and `(a|a)*`. Separated repeats, `(\\w+\\.)+`, are fine.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _explodes(sre.parse(pattern))


def _explodes(items: Any) -> bool:
    return any(_bad_repeat(op, value) or any(_explodes(body) for body in _bodies(op, value)) for op, value in items)


def _bad_repeat(op: Any, value: Any) -> bool:
    if op not in (ops.MAX_REPEAT, ops.MIN_REPEAT) or value[1] < 10:
        return False
    body = _inlined(value[2])
    for index, (inner, detail) in enumerate(body):
        rest = body[:index] + body[index + 1 :]
        if (
            inner in (ops.MAX_REPEAT, ops.MIN_REPEAT)
            and detail[1] >= 10
            and not _separated(_characters(detail[2]), rest)
        ):
            return True
        if inner is ops.BRANCH and _overlap(detail[1]):
            return True
    return False


def _inlined(items: Any) -> list[tuple[Any, Any]]:
    """The items with plain groups opened."""
    found: list[tuple[Any, Any]] = []
    for op, value in items:
        if op is ops.SUBPATTERN:
            found.extend(_inlined(value[3]))
        else:
            found.append((op, value))
    return found


def _separated(run: set[str], rest: list[tuple[Any, Any]]) -> bool:
    """Whether something that must be there keeps two rounds of the repeat apart."""
    return any(_least([item]) > 0 and not (_characters([item]) & run) for item in rest)


def _overlap(branches: Any) -> bool:
    firsts = [_first(branch) for branch in branches]
    return any(firsts[i] & firsts[j] for i in range(len(firsts)) for j in range(i)) or any(not len(b) for b in branches)


def _first(items: Any) -> set[str]:
    found: set[str] = set()
    for item in items:
        found |= _characters([item])
        if _least([item]) > 0:
            break
    return found


def _least(items: Any) -> int:
    total = 0
    for op, value in items:
        if op in (ops.MAX_REPEAT, ops.MIN_REPEAT, ops.POSSESSIVE_REPEAT):
            total += value[0] * _least(value[2])
        elif op is ops.SUBPATTERN:
            total += _least(value[3])
        elif op is ops.ATOMIC_GROUP:
            total += _least(value)
        elif op is ops.BRANCH:
            total += min(_least(branch) for branch in value[1])
        elif op not in (ops.AT, ops.ASSERT, ops.ASSERT_NOT):
            total += 1
    return total


def _characters(items: Any) -> set[str]:
    """All sample characters that some part of the pattern can take."""
    found: set[str] = set()
    for op, value in items:
        if op is ops.LITERAL:
            found |= {chr(value)}
        elif op is ops.NOT_LITERAL:
            found |= set(_SAMPLE) - {chr(value)}
        elif op is ops.ANY:
            found |= set(_SAMPLE)
        elif op is ops.IN:
            found |= _class(value)
        for body in _bodies(op, value):
            found |= _characters(body)
    return found


def _class(members: Any) -> set[str]:
    negated = members[0][0] is ops.NEGATE
    found: set[str] = set()
    for op, value in members:
        if op is ops.LITERAL:
            found.add(chr(value))
        elif op is ops.RANGE:
            found |= {each for each in _SAMPLE if value[0] <= ord(each) <= value[1]}
        elif op is ops.CATEGORY:
            found |= {each for each in _SAMPLE if _in_category(each, value)}
    return set(_SAMPLE) - found if negated else found


_CATEGORIES = {"DIGIT": r"\d", "SPACE": r"\s", "WORD": r"\w"}


def _in_category(character: str, category: Any) -> bool:
    words = str(category).split("_")
    return (re.match(_CATEGORIES[words[-1]], character) is not None) != ("NOT" in words)


def _bodies(op: Any, value: Any) -> list[Any]:
    if op in (ops.MAX_REPEAT, ops.MIN_REPEAT, ops.POSSESSIVE_REPEAT):
        return [value[2]]
    if op is ops.SUBPATTERN:
        return [value[3]]
    if op is ops.BRANCH:
        return list(value[1])
    if op is ops.ATOMIC_GROUP:
        return [value]
    if op in (ops.ASSERT, ops.ASSERT_NOT):
        return [value[1]]
    return []
