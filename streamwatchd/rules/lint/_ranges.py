"""Whether a condition can be true: over intervals of what it compares, and over texts.

A condition becomes a choice of conjunctions of simple tests; a conjunction can't be true when what it asks of one
expression leaves no value. Anything else is taken for possible: a verdict is never wrong, only sometimes not found.
Null makes a test neither true nor false, so it never makes a conjunction true.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from streamwatchd.lang.typed import Aggregate, And, Compare, Expr, In, IsNull, Literal, Not, Or

MOST_TERMS = 256
_NEGATED: dict[str, str] = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_FLIPPED: dict[str, str] = {"==": "==", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
_NEVER_NEGATIVE = ("count", "distinct", "stddev", "var", "changes", "increase", "rate")


@dataclass(frozen=True, slots=True)
class Test:
    """`what op value` where the value is constant; `what` may be a pair of expressions that are compared: their
    difference against 0. `op` "is" with a truth value stands for anything else that is true or false.
    """

    what: Expr | tuple[Expr, Expr]
    op: str
    value: float | str | bool | None


Term = tuple[Test, ...]


class TooLarge(Exception):
    """More conjunctions than are looked at."""


def possible(*conditions: tuple[Expr, bool]) -> bool:
    """Whether all conditions can have these truth values at once; True where that is not known."""
    try:
        terms: list[Term] = [()]
        for condition, truth in conditions:
            terms = _product(terms, _terms(condition, truth))
        return any(map(_is_possible, terms))
    except TooLarge:
        return True


def implies(one: Expr, other: Expr) -> bool:
    """Whether `other` is true wherever `one` is, as far as values are not null."""
    return not possible((one, True), (other, False))


def _terms(condition: Expr, truth: bool) -> list[Term]:
    match condition:
        case Not(arg):
            return _terms(arg, not truth)
        case And(args) | Or(args):
            if isinstance(condition, And) is truth:
                found: list[Term] = [()]
                for arg in args:
                    found = _product(found, _terms(arg, truth))
                return found
            return [term for arg in args for term in _terms(arg, truth)]
        case In(arg, choices):
            if truth:
                return [(Test(arg, "==", choice.value),) for choice in choices]
            return [tuple(Test(arg, "!=", choice.value) for choice in choices)]
        case Literal(bool(value)):
            return [()] if value is truth else []
        case _:
            return [(_test(condition, truth),)]


def _test(condition: Expr, truth: bool) -> Test:
    match condition:
        case Compare(op, left, Literal(value)):
            return Test(left, op if truth else _NEGATED[op], value)
        case Compare(op, left, right):
            asked = op if truth else _NEGATED[op]
            first, second = sorted((left, right), key=repr)
            return Test((first, second), asked if first is left else _FLIPPED[asked], 0.0)
        case _:
            return Test(condition, "is", truth)


def _product(left: list[Term], right: list[Term]) -> list[Term]:
    if len(left) * len(right) > MOST_TERMS:
        raise TooLarge
    return [one + other for one in left for other in right]


@dataclass(slots=True)
class _Room:
    """What is left for one expression: an interval, and values that it must or must not be."""

    low: float = -math.inf
    low_open: bool = False
    high: float = math.inf
    high_open: bool = False
    must: set[object] = field(default_factory=set)
    must_not: set[object] = field(default_factory=set)

    def take(self, op: str, value: float | str | bool | None) -> None:
        number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
        if op in ("==", "is"):
            self.must.add(value)
        elif op == "!=":
            self.must_not.add(value)
        elif number is not None and op in (">", ">="):
            if (number, op == ">") > (self.low, self.low_open):
                self.low, self.low_open = number, op == ">"
        elif number is not None and (number, op != "<") < (self.high, not self.high_open):
            self.high, self.high_open = number, op == "<"

    def is_empty(self) -> bool:
        if self.low > self.high or (self.low == self.high and (self.low_open or self.high_open)):
            return True
        if self.low == self.high and self.low in self.must_not:
            return True
        return len(self.must) > 1 or any(value in self.must_not or not self._holds(value) for value in self.must)

    def _holds(self, value: object) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return True
        above = value > self.low or (value == self.low and not self.low_open)
        return above and (value < self.high or (value == self.high and not self.high_open))


def _is_possible(term: Term) -> bool:
    rooms: dict[object, _Room] = {}
    for test in term:
        room = rooms.get(test.what)
        if room is None:
            room = rooms[test.what] = _Room()
            for op, value in _bounds(test.what):
                room.take(op, value)
        room.take(test.op, test.value)
    return not any(room.is_empty() for room in rooms.values()) and not _is_null_and_not(term)


def _bounds(what: Expr | tuple[Expr, Expr]) -> Iterable[tuple[str, float]]:
    """What is known of an expression before anything is asked of it."""
    if isinstance(what, Aggregate):
        if what.function == "ratio":
            return ((">=", 0.0), ("<=", 1.0))
        if what.function in _NEVER_NEGATIVE:
            return ((">=", 0.0),)
    return ()


def _is_null_and_not(term: Term) -> bool:
    """`x is null` beside a comparison of x."""
    null = {test.what.arg for test in term if isinstance(test.what, IsNull) and test.value is True}
    return any(expr in null for test in term if test.op != "is" for expr in _asked(test))


def _asked(test: Test) -> Iterator[Expr]:
    yield from test.what if isinstance(test.what, tuple) else (test.what,)
