"""The shelf of scalar functions: one file each, evaluated on whole columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache

from streamwatchd.batch import Column
from streamwatchd.lang.signatures import AGGREGATES, Signature
from streamwatchd.registry import Shelf


@dataclass(frozen=True, slots=True)
class Example:
    """`expression` on one row of the fields `given` is `result`; run as a test, shown in the reference."""

    expression: str
    result: float | str | bool | None
    given: Mapping[str, float | str | bool | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """A scalar function. `evaluate` takes one column per argument, all of one length, and gives one of that length.

    It is pure, keeps its arguments as they are (a string column's dictionary may grow), and raises nothing: what has
    no value, such as the root of −1, is null. `summary` is one sentence of Markdown.
    """

    signature: Signature
    summary: str
    examples: tuple[Example, ...]
    evaluate: Callable[..., Column]

    @property
    def name(self) -> str:
        return self.signature.name


FUNCTIONS: Mapping[str, FunctionSpec] = Shelf(__name__, __path__, FunctionSpec)


@cache
def signatures() -> Mapping[str, Signature]:
    """All functions that an expression may call, aggregates included: the `functions` argument of `lang.check`."""
    return {**AGGREGATES, **{name: spec.signature for name, spec in FUNCTIONS.items()}}


@cache
def evaluators() -> Mapping[str, Callable[..., Column]]:
    """What runs each scalar function on columns."""
    return {name: spec.evaluate for name, spec in FUNCTIONS.items()}
