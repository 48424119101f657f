"""Conditions as trees: what each part says, and what it is on a frame of one row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from streamwatchd.batch import NULL, TRUE, Frame, to_values
from streamwatchd.lang.typed import NODES, NUMBER, Arithmetic, Compare, Expr, Kind, Literal
from streamwatchd.operators.document import plain
from streamwatchd.operators.evaluate import Evaluator, Param
from streamwatchd.operators.spec import AlarmShape, LevelSpec
from streamwatchd.plan.describe import describe
from streamwatchd.plan.xray import lines

Answer = dict[str, Any]


def value_tree(
    name: str, expr: Expr, named: Mapping[str, Expr], frame: Frame, evaluator: Evaluator
) -> Iterator[Answer]:
    for depth, text, each in lines(expr, named):
        shown = f"{name} = {text}" if depth == 0 else text
        yield {"depth": depth, "text": shown, "unit": each.type.unit, "value": _shown(evaluator, each, frame)}


def level_tree(
    level: LevelSpec, shape: AlarmShape, evaluator: Evaluator, params: Sequence[float], frame: Frame | None = None
) -> Answer:
    """The conditions of a level; with a frame also what their parts are on it."""
    named = {value.name: value.expr for value in shape.values}

    def tree(expr: Expr) -> Iterator[Answer]:
        for depth, text, each in lines(expr, named, say=lambda part: describe(spoken(part, params))):
            line: Answer = {"depth": depth, "text": text, "unit": "" if frame is None else each.type.unit}
            yield line if frame is None else line | {"value": _shown(evaluator, each, frame)}

    return {
        "severity": level.severity,
        "when": list(tree(level.when)),
        "until": None if level.until is None else list(tree(level.until)),
    }


def _shown(evaluator: Evaluator, expr: Expr, frame: Frame) -> object:
    if expr.type.kind is Kind.BOOL:
        truth = evaluator.truths(expr, frame)[0]
        return None if truth == NULL else bool(truth == TRUE)
    return plain(to_values(evaluator.column(expr, frame))[0])


def spoken(expr: Expr | Param, params: Sequence[float], like: Expr | Param | None = None) -> Expr:
    """The expression with the numbers of one rule in place of parameters, in the unit of what they stand beside."""
    if isinstance(expr, Param):
        is_number = like is not None and like.type.kind is Kind.NUMBER
        return Literal(params[expr.number], like.type if like is not None and is_number else NUMBER)
    changes: dict[str, Any] = {}
    for field in fields(expr):
        value = getattr(expr, field.name)
        if isinstance(value, (Param, *NODES)):
            changes[field.name] = spoken(value, params, _beside(expr, field.name))
        elif isinstance(value, tuple) and value and all(isinstance(part, (Param, *NODES)) for part in value):
            changes[field.name] = tuple(spoken(part, params) for part in value)
    return replace(expr, **changes) if changes else expr


def _beside(expr: Expr, name: str) -> Expr | None:
    if isinstance(expr, Compare) or (isinstance(expr, Arithmetic) and expr.op in ("+", "-")):
        return {"left": expr.right, "right": expr.left}.get(name)
    return None
