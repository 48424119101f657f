"""What functions take and give: the aggregates of the language, and the form in which shelves add their own."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from streamwatchd.lang import syntax
from streamwatchd.lang.typed import BOOL, NUMBER, STRING, Kind, Type

ResultRule = Callable[[tuple[Type, ...]], Type]


def plain(_args: tuple[Type, ...]) -> Type:
    """A number without a unit."""
    return NUMBER


def same(args: tuple[Type, ...]) -> Type:
    """The type of the first argument."""
    return args[0]


def squared(args: tuple[Type, ...]) -> Type:
    """A number in the square of the argument's unit."""
    return Type(Kind.NUMBER, f"{args[0].unit}^2" if args[0].unit else "")


def root(args: tuple[Type, ...]) -> Type:
    """A number in the unit whose square the argument has; plain otherwise."""
    return Type(Kind.NUMBER, args[0].unit.removesuffix("^2") if args[0].unit.endswith("^2") else "")


def share(_args: tuple[Type, ...]) -> Type:
    """A ratio, 0–1."""
    return Type(Kind.NUMBER, "ratio")


def per_second(args: tuple[Type, ...]) -> Type:
    """A number in the argument's unit a second."""
    return Type(Kind.NUMBER, f"{args[0].unit}/s")


def text(_args: tuple[Type, ...]) -> Type:
    return STRING


def truth(_args: tuple[Type, ...]) -> Type:
    return BOOL


@dataclass(frozen=True, slots=True)
class Parameter:
    """`kind` None takes any; `literal` takes only a constant."""

    name: str
    kind: Kind | None = None
    literal: bool = False


@dataclass(frozen=True, slots=True)
class Signature:
    """A function as the checker sees it.

    The first `required` parameters must be given; with `variadic` the last one repeats. With `uniform` all arguments
    have one kind and are converted to one unit. `aggregate` ones take the clauses `where over ago by`, and with `ahead`
    need `in`. `counter` ones take a field that is declared as a counter, `stepwise` ones go from sample to sample.
    `baseline` ones take an expression that is judged on windows, and no clauses.
    `supported` False: the language has it, this version does not; `instead` is what comes near.
    """

    name: str
    parameters: tuple[Parameter, ...]
    result: ResultRule
    required: int = 1
    variadic: bool = False
    uniform: bool = False
    aggregate: bool = False
    ahead: bool = False
    counter: bool = False
    stepwise: bool = False
    baseline: bool = False
    supported: bool = True
    instead: str = ""


def _aggregate(name: str, kind: Kind | None, result: ResultRule, required: int = 1) -> Signature:
    return Signature(name, (Parameter("x", kind),), result, required, aggregate=True)


def _counting(name: str, result: ResultRule) -> Signature:
    return replace(_aggregate(name, Kind.NUMBER, result), counter=True, stepwise=True)


def _later(name: str, instead: str, *, aggregate: bool = True) -> Signature:
    return Signature(name, (Parameter("x"),), plain, 0, aggregate=aggregate, supported=False, instead=instead)


QUANTILE = _aggregate("quantile", Kind.NUMBER, same)

AGGREGATES: Mapping[str, Signature] = {
    each.name: each
    for each in (
        _aggregate("count", None, plain, required=0),
        _aggregate("sum", Kind.NUMBER, same),
        _aggregate("avg", Kind.NUMBER, same),
        _aggregate("min", Kind.NUMBER, same),
        _aggregate("max", Kind.NUMBER, same),
        _aggregate("first", None, same),
        _aggregate("last", None, same),
        _aggregate("stddev", Kind.NUMBER, same),
        _aggregate("var", Kind.NUMBER, squared),
        _aggregate("ratio", Kind.BOOL, share),
        _aggregate("distinct", None, plain),
        _counting("rate", per_second),
        _counting("increase", same),
        _aggregate("slope", Kind.NUMBER, per_second),
        replace(_aggregate("changes", None, plain), stepwise=True),
        replace(_aggregate("predict", Kind.NUMBER, same), ahead=True),
        Signature("usual", (Parameter("E", Kind.NUMBER),), same, aggregate=True, baseline=True),
        Signature("spread", (Parameter("E", Kind.NUMBER),), same, aggregate=True, baseline=True),
        _later("firing", "", aggregate=False),
        _later("during", "", aggregate=False),
    )
}

OTHER_WORDS: Mapping[str, str] = {
    "mean": "avg",
    "average": "avg",
    "median": "p50",
    "std": "stddev",
    "stdev": "stddev",
    "variance": "var",
    "uniq": "distinct",
    "nunique": "distinct",
    "count_distinct": "distinct",
    "cardinality": "distinct",
    "percentage": "ratio",
    "percent": "ratio",
    "share": "ratio",
    "latest": "last",
    "total": "sum",
    "maximum": "max",
    "minimum": "min",
    "nvl": "coalesce",
    "ifnull": "coalesce",
    "len": "length",
    "log": "ln",
    "pow": "exp",
    "irate": "rate",
    "delta": "increase",
    "deriv": "slope",
    "predict_linear": "predict",
    "forecast": "predict",
}

IDIOMS: Mapping[str, str] = {
    "flatline": "changes(x over 1h) == 0 and count(x over 1h) > 30",
    "absent": "count(over 15m) == 0",
    "absent_over_time": "count(over 15m) == 0",
    "silent": "count(over 15m) == 0",
    "nodata": "count(over 15m) == 0",
    "zscore": "x > avg(x over 24h) + 3 * stddev(x over 24h)",
    "anomaly": "x > usual(x) + 5 * spread(x)",
    "topk": "top: 5 by failed",
}
"""What others have as a function and the language says in another way."""

_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d{1,3})?)")


def quantile(name: str) -> float | None:
    """0.999 for `p99.9`; None for a name that is no percentile between p0 and p100, both excluded."""
    found = _PERCENTILE.fullmatch(name)
    if not found:
        return None
    share_of_100 = float(found.group(1))
    return round(share_of_100 / 100, 6) if share_of_100 > 0 else None


def find(name: str, functions: Mapping[str, Signature]) -> Signature | None:
    return functions.get(name) or (QUANTILE if quantile(name) is not None else None)


def contains_aggregate(tree: syntax.Node, functions: Mapping[str, Signature] = AGGREGATES) -> bool:
    """Whether a tree calls an aggregate anywhere: such a rule is judged on windows, others on single events."""
    calls = (node for node in syntax.walk(tree) if isinstance(node, syntax.Call))
    found = (find(call.function, functions) for call in calls)
    return any(signature is not None and signature.aggregate for signature in found)
