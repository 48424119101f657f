"""Typed trees over columns. Equal sub-expressions of a frame are computed once: the frame's memo holds them.

Scalars stay scalars until somebody needs a column, so a threshold costs no array.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, assert_never

import numpy as np
import numpy.typing as npt

from streamwatchd.batch import FALSE, NULL, TRUE, Column, Dictionary, Frame, Numbers, Strings, Truths
from streamwatchd.lang import typed
from streamwatchd.lang.typed import Expr, Kind
from streamwatchd.operators.dimension import Dimensions, is_of


@dataclass(frozen=True, slots=True)
class Param:
    """A constant that differs between the rules of a family: entry `number` of the family's parameter columns."""

    number: int
    type: typed.Type


KEY, VALUE = "key ", "value "
"""Prefixes of the columns of a frame that hold key values and named values; no field starts with them."""

WINDOW_START, WINDOW_END = "window start", "window end"
"""Columns of derived rows: the window that each row speaks of, in ms."""

_MOST_MATCHES = 64
"""Patterns and dictionaries whose verdicts are remembered."""

Scalar = float | str | np.int8 | None
Operand = Column | Scalar


class ScalarFunction(Protocol):
    def __call__(self, *columns: Column) -> Column: ...


@dataclass(slots=True)
class Evaluator:
    """Evaluates expressions on frames of one task; holds what is shared by batches: tables and compiled patterns."""

    dimensions: Dimensions
    functions: Mapping[str, Callable[..., Column]]
    _handles: dict[object, int] = field(default_factory=dict)
    _by_id: dict[int, tuple[object, int]] = field(default_factory=dict)
    _of_values: dict[int, bool] = field(default_factory=dict)
    _matches: dict[tuple[str, int], tuple[Dictionary, npt.NDArray[np.int8]]] = field(default_factory=dict)

    def handle(self, expr: object) -> int:
        """A number that equal expressions share; an object's tree is hashed once, not at every look-up."""
        known = self._by_id.get(id(expr))
        if known is None:
            known = self._by_id[id(expr)] = (expr, self._handles.setdefault(expr, len(self._handles)))
        return known[1]

    def put(self, frame: Frame, expr: Expr | Param, column: Column) -> None:
        """Say what an expression is on a frame: aggregates and parameters."""
        frame.memo[self.handle(expr)] = column

    def column(self, expr: Expr | Param, frame: Frame) -> Column:
        """One entry a row."""
        return spread(self.operand(expr, frame), len(frame), expr.type.kind)

    def truths(self, expr: Expr, frame: Frame) -> Truths:
        """A condition, one entry a row."""
        column = self.column(expr, frame)
        assert isinstance(column, np.ndarray)
        return column  # type: ignore[return-value]  # a condition's column is truths

    def operand(self, expr: Expr | Param, frame: Frame) -> Operand:
        """A column, or a scalar where the expression is constant."""
        if isinstance(expr, typed.Literal):
            return _literal(expr)
        handle = self.handle(expr)
        found = frame.memo.get(handle)
        if found is None:
            found = self._compute(expr, frame)
            frame.memo[handle] = found
            if handle not in self._of_values:
                self._of_values[handle] = any(isinstance(node, typed.Value) for node in typed.walk(expr))  # type: ignore[arg-type]
        return found  # type: ignore[return-value]

    def forget_values(self, frame: Frame) -> None:
        """Another rule comes to a shared frame: what was made of the values of the one before is not its own."""
        for handle in [handle for handle in frame.memo if self._of_values.get(handle)]:  # type: ignore[call-overload]
            del frame.memo[handle]

    def _joined_on(self, on: str | typed.TableColumn, frame: Frame) -> Column | None:
        """The keys of a dimension table's rows; None where there is no row to find one for."""
        if not isinstance(on, str):
            return self.column(on, frame)
        found = frame.columns.get(on)
        if found is not None or (isinstance(frame, NullFrame) and KEY + on not in frame.columns):
            return found
        return frame.columns[KEY + on]

    def _compute(self, expr: Expr | Param, frame: Frame) -> Operand:
        match expr:
            case typed.Field(name, kind, stream):
                found = frame.columns.get(f"{stream}.{name}" if stream else name)
                if found is None and isinstance(frame, NullFrame):
                    return null_of(kind.kind)
                # a field that nobody declared may change its kind with the rules; what does not fit is null
                return found if found is None or is_of(found, kind.kind) else null_of(kind.kind)
            case typed.Key(name):
                return frame.columns[KEY + name]
            case typed.Value(name):
                return frame.columns[VALUE + name]
            case typed.TableColumn(table, column, on):
                keys = self._joined_on(on, frame)
                wanted = expr.type.kind
                found = None if keys is None else self.dimensions.column(table, column, keys, frame.time, wanted)
                return null_of(wanted) if found is None else found
            case typed.Time():
                return frame.time.astype(np.float64)
            case typed.Negate(arg):
                return -self._number(arg, frame)
            case typed.Arithmetic():
                return self._arithmetic(expr, frame)
            case typed.Compare():
                return self._compare(expr, frame)
            case typed.And(args):
                return self._fold(np.minimum, args, frame)
            case typed.Or(args):
                return self._fold(np.maximum, args, frame)
            case typed.Not(arg):
                return 2 - self.operand(arg, frame)  # type: ignore[operator]
            case typed.In():
                return self._in(expr, frame)
            case typed.Match(arg, pattern):
                return self._match(arg, pattern, frame)
            case typed.IsNull(arg):
                return np.where(is_null(self.column(arg, frame)), TRUE, FALSE)
            case typed.Call(function, args):
                return self.functions[function](*(self.column(arg, frame) for arg in args))
            case typed.Aggregate() | typed.Baseline() | typed.Literal() | typed.Firing() | typed.During() | Param():
                raise AssertionError(f"{expr} must be in the memo of the frame")
        assert_never(expr)

    def _number(self, expr: Expr, frame: Frame) -> Numbers | float:
        value = self.operand(expr, frame)
        return np.nan if value is None else value  # type: ignore[return-value]

    def _arithmetic(self, expr: typed.Arithmetic, frame: Frame) -> Operand:
        left, right = self._number(expr.left, frame), self._number(expr.right, frame)
        with np.errstate(all="ignore"):
            result = _ARITHMETIC[expr.op](left, right)
            # division by zero and overflow have no value
            return np.where(np.isfinite(result), result, np.nan) if isinstance(result, np.ndarray) else _finite(result)

    def _fold(self, combine: Callable[..., Truths], args: tuple[Expr, ...], frame: Frame) -> Operand:
        result = self.operand(args[0], frame)
        for arg in args[1:]:
            result = combine(result, self.operand(arg, frame))
        return result

    def _compare(self, expr: typed.Compare, frame: Frame) -> Operand:
        left, right = self.operand(expr.left, frame), self.operand(expr.right, frame)
        kind = expr.left.type.kind
        if left is None or right is None:
            return NULL
        if kind is Kind.STRING:
            return _compare_strings(expr.op, left, right)
        if kind is Kind.BOOL:
            return _compare_truths(expr.op, left, right)
        return _compare_numbers(expr.op, left, right)

    def _in(self, expr: typed.In, frame: Frame) -> Operand:
        value = self.column(expr.arg, frame)
        choices = [choice.value for choice in expr.choices if choice.value is not None]
        if isinstance(value, Strings):
            wanted = set(choices)
            return _per_entry(value, lambda name: name in wanted)
        if value.dtype == np.int8:
            options = [TRUE if choice else FALSE for choice in choices]
            return np.where(value == NULL, NULL, np.where(np.isin(value, options), TRUE, FALSE))
        return np.where(np.isnan(value), NULL, np.where(np.isin(value, np.array(choices, np.float64)), TRUE, FALSE))

    def _match(self, arg: Expr, pattern: str, frame: Frame) -> Operand:
        value = self.column(arg, frame)
        assert isinstance(value, Strings)
        handle = (pattern, id(value.dictionary))
        dictionary, known = self._matches.get(handle, (value.dictionary, np.zeros(0, np.int8)))
        if dictionary is not value.dictionary:
            dictionary, known = value.dictionary, np.zeros(0, np.int8)
        names = dictionary.names
        if len(known) <= len(names):
            search = re.compile(pattern).search
            start = max(len(known) - 1, 0)
            fresh = [TRUE if search(name) else FALSE for name in names[start:]]
            known = np.array([*known[:-1].tolist(), *fresh, NULL], np.int8)
            if len(self._matches) >= _MOST_MATCHES:
                # rows from the exchange bring a dictionary a record
                self._matches.clear()
            self._matches[handle] = (dictionary, known)
        return known[value.codes]


_ARITHMETIC: dict[str, Callable[..., object]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.mod,
}
_COMPARE: dict[str, Callable[..., Any]] = {
    "==": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}


class NullFrame(Frame):
    """A frame whose unknown fields are null; for events that no row caused."""

    __slots__ = ()


def null_of(kind: Kind) -> Scalar:
    return {Kind.NUMBER: np.nan, Kind.STRING: None, Kind.BOOL: NULL}[kind]


def _finite(value: object) -> float:
    number = float(value)  # type: ignore[arg-type]
    return number if np.isfinite(number) else np.nan


def _literal(expr: typed.Literal) -> Scalar:
    if isinstance(expr.value, bool):
        return TRUE if expr.value else FALSE
    if expr.value is None:
        return null_of(expr.type.kind)
    return expr.value


def spread(value: Operand, size: int, kind: Kind) -> Column:
    """A scalar as a column of `size` equal entries; columns stay what they are."""
    if isinstance(value, np.ndarray | Strings):
        return value
    if kind is Kind.STRING:
        dictionary = Dictionary()
        return Strings(np.full(size, -1 if value is None else dictionary[str(value)], np.int32), dictionary)
    if kind is Kind.BOOL:
        return np.full(size, value, np.int8)
    return np.full(size, value, np.float64)


def is_null(column: Column) -> npt.NDArray[np.bool_]:
    """Which entries are null."""
    if isinstance(column, Strings):
        return column.codes < 0
    return column == NULL if column.dtype == np.int8 else np.isnan(column)


def _compare_truths(op: str, left: Operand, right: Operand) -> Operand:
    null = (np.asarray(left) == NULL) | (np.asarray(right) == NULL)
    return np.where(null, NULL, np.where(_COMPARE[op](left, right), TRUE, FALSE))


def _compare_numbers(op: str, left: Operand, right: Operand) -> Operand:
    with np.errstate(invalid="ignore"):
        result = np.where(_COMPARE[op](left, right), TRUE, FALSE)
        null = np.isnan(left) | np.isnan(right)  # type: ignore[arg-type]
    if isinstance(null, np.ndarray):
        return np.where(null, NULL, result) if null.any() else result
    return NULL if null else (result if result.ndim else np.int8(result))


def _per_entry(value: Strings, test: Callable[[str], bool]) -> Truths:
    """A predicate run once per dictionary entry that the rows use."""
    names = value.dictionary.names
    if len(names) <= 4 * len(value) + 64:
        lut = np.array([*(TRUE if test(name) else FALSE for name in names), NULL], np.int8)
        return lut[value.codes]
    used, inverse = np.unique(value.codes, return_inverse=True)
    verdicts = [NULL if code < 0 else TRUE if test(names[code]) else FALSE for code in used.tolist()]
    return np.array(verdicts, np.int8)[inverse]


def _compare_strings(op: str, left: Operand, right: Operand) -> Operand:
    if isinstance(left, str) and isinstance(right, str):
        return TRUE if _STRING_TESTS[op](left, right) else FALSE
    if isinstance(left, str):
        return _compare_strings(_MIRROR[op], right, left)
    assert isinstance(left, Strings)
    if isinstance(right, str):
        if op in ("==", "!="):
            same = left.codes == left.dictionary.get(right, -2)
            equal = np.where(same if op == "==" else ~same, TRUE, FALSE)
            null = left.codes < 0
            return np.where(null, NULL, equal) if null.any() else equal
        return _per_entry(left, lambda name: _STRING_TESTS[op](name, right))
    assert isinstance(right, Strings)
    pairs = zip(left.to_list(), right.to_list(), strict=True)
    test = _STRING_TESTS[op]
    return np.array([NULL if a is None or b is None else TRUE if test(a, b) else FALSE for a, b in pairs], np.int8)


_MIRROR = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_STRING_TESTS: dict[str, Callable[[str, str], bool]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
