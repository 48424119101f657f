"""What a figure of an expression may become: the least change that an operator would make to it.

Each function gives edits of one text: `(start, end, new)`, offsets into it, one change each.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise

from streamwatchd.lang import syntax

Change = tuple[int, int, str]

_NUMBER = re.compile(r"([0-9]+(?:\.[0-9]+)?)(.*)")
_PERCENTILE = re.compile(r"p([0-9]+)")
_IN_SECONDS = {"s": 1, "m": 60, "h": 3600}
_COARSE = Decimal("0.2")
"""A step of the last digit that is a larger share is no small change: `1m` becomes 50 s, not 0 or 2 minutes."""
_OTHER_COMPARISONS = {
    ">": (">=", "<"), ">=": (">", "<="), "<": ("<=", ">"), "<=": ("<", ">="), "==": ("!=",), "!=": ("==",),
}  # fmt: skip
_OTHER_AGGREGATES = {
    "avg": ("min", "max", "p50"),
    "sum": ("avg", "max"),
    "max": ("min", "avg"),
    "min": ("max", "avg"),
    "stddev": ("var",),
    "distinct": ("count",),
}
_OPERATOR = re.compile(r"==|=|!=|<>|<=|>=|<|>")


def steps(number: str) -> list[str]:
    """One down and one up in the last digit written; a duration for which that is much, by a sixth of it.

    `85%` → 84%, 86%; `0.95` → 0.94, 0.96; `1m` → 50s, 70s; 0 has no step down.
    """
    found = _NUMBER.fullmatch(number)
    if found is None:
        return []
    value, unit = Decimal(found[1]), found[2]
    step = Decimal(1).scaleb(int(value.as_tuple().exponent))
    if unit in _IN_SECONDS and step > _COARSE * value:
        seconds = int(value) * _IN_SECONDS[unit]
        return [f"{seconds - seconds // 6}s", f"{seconds + seconds // 6}s"]
    return [f"{each}{unit}" for each in (value - step, value + step) if each >= 0]


def changes(text: str, tree: syntax.Condition) -> Iterator[Change]:
    """All of a condition; an expression is one without holds."""
    yield from _holds(tree)
    for node in syntax.walk(tree):
        match node:
            case syntax.Number(text=number):
                for other in steps(number):
                    yield node.start, node.end, other
            case syntax.String():
                yield node.start, node.end, '"something_else"'
            case syntax.Binary(op=op) if op in _OTHER_COMPARISONS:
                yield from _compared(text, node)
            case syntax.And() | syntax.Or():
                yield from _joined(text, node)
            case syntax.Call():
                yield from _called(node)


def _holds(tree: syntax.Condition) -> Iterator[Change]:
    """Without `for`, without `until`, without the `for` of `until`."""
    raised = tree.hold or tree.when
    if tree.hold is not None:
        yield tree.when.end, tree.hold.end, ""
    if tree.until is not None:
        yield raised.end, (tree.until_hold or tree.until).end, ""
    if tree.until is not None and tree.until_hold is not None:
        yield tree.until.end, tree.until_hold.end, ""


def _compared(text: str, node: syntax.Binary) -> Iterator[Change]:
    found = _OPERATOR.search(text, node.left.end, node.right.start)
    assert found is not None, text
    for other in _OTHER_COMPARISONS[node.op]:
        yield found.start(), found.end(), other


def _joined(text: str, node: syntax.And | syntax.Or) -> Iterator[Change]:
    """Each part left out, and the other word between all."""
    args = node.args
    yield args[0].start, args[1].start, ""
    for before, gone in pairwise(args):
        yield before.end, gone.end, ""
    other = " or " if isinstance(node, syntax.And) else " and "
    yield args[0].start, args[-1].end, other.join(text[arg.start : arg.end] for arg in args)


def _called(node: syntax.Call) -> Iterator[Change]:
    end = node.start + len(node.function)
    for other in _OTHER_AGGREGATES.get(node.function, ()):
        yield node.start, end, other
    if (found := _PERCENTILE.fullmatch(node.function)) and int(found[1]) > 50:
        for share in ("50", str(int(found[1]) - 1), f"{found[1]}.5"):
            yield node.start, end, f"p{share}"
