"""Calls: aggregates with their clauses, and scalar functions."""

# Noting a problem gives None, the value of a node that has one: `return self.problem(…)`.
# mypy: disable-error-code="func-returns-value"

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from streamwatchd.diagnostics import did_you_mean
from streamwatchd.lang import dimensions, fold, signatures, syntax, units
from streamwatchd.lang.checking import Checking
from streamwatchd.lang.dimensions import Clash
from streamwatchd.lang.infer import KIND_WORDS
from streamwatchd.lang.names import listed
from streamwatchd.lang.printer import print_expr
from streamwatchd.lang.scope import Counter, Scope, Where
from streamwatchd.lang.signatures import Signature
from streamwatchd.lang.typed import (
    Aggregate,
    Ahead,
    Baseline,
    Call,
    Expr,
    Field,
    Kind,
    Literal,
    Stepwise,
    Value,
    walk,
)

CHANGES_GAP_MS = 86_400_000
"""A sample of what is no counter is compared with the one before it, if that is no older."""
_DURATIONS = "durations are `500ms` `30s` `5m` `1h30m` `7d` `2w`"


class Calls:
    """The part of the checker that knows functions."""

    def __init__(self, functions: Mapping[str, Signature], checker: Checking) -> None:
        self._functions = functions
        self._checker = checker

    def call(self, node: syntax.Call, scope: Scope) -> Expr | None:
        signature = signatures.find(node.function, self._functions)
        if signature is None:
            return self._unknown(node)
        if not signature.supported:
            message = f"`{node.function}(…)` is not supported yet in this version"
            hint = f"what comes near: `{signature.instead}`" if signature.instead else "leave it out until then"
            return self._checker.problem("SW221", message, node, hint=hint)
        if signature.baseline:
            return self._baseline(node, signature, scope)
        return self._aggregate(node, signature, scope) if signature.aggregate else self._scalar(node, signature, scope)

    def _usable(self) -> list[str]:
        return [name for name, each in self._functions.items() if each.supported]

    def _unknown(self, node: syntax.Call) -> None:
        name = node.function
        known = [*self._usable(), "p50", "p95", "p99"]
        better = signatures.OTHER_WORDS.get(name.lower()) or (name.lower() if name.lower() in known else "")
        idiom = signatures.IDIOMS.get(name.lower())
        hint = f"write `{better}`" if better else f"say it as `{idiom}`" if idiom else did_you_mean(name.lower(), known)
        if name[:1] == "p" and name[1:2].isdigit():
            hint = "percentiles are `p1` to `p99.999`; for the ends use `min` and `max`"
        place = syntax.Name(name, start=node.start, end=node.start + len(name))
        self._checker.problem(
            "SW215",
            f"there is no function `{name}`",
            place,
            "unknown function",
            hint or f"there are {listed(known, 40)}",
        )

    def _arguments(self, node: syntax.Call, signature: Signature, scope: Scope) -> list[Expr] | None:
        """The checked arguments in one kind and unit where the signature wants that."""
        if not self._right_number(node, signature):
            return None
        found = [self._argument(index, arg, node, signature, scope) for index, arg in enumerate(node.args)]
        args = [arg for arg in found if arg is not None]
        if len(args) < len(found):
            return None
        return self._alike(args, node) if signature.uniform else args

    def _right_number(self, node: syntax.Call, signature: Signature) -> bool:
        least, most = signature.required, len(signature.parameters)
        if least <= len(node.args) and (signature.variadic or len(node.args) <= most):
            return True
        wanted = f"at least {least}" if signature.variadic else (str(most) if least == most else f"{least} to {most}")
        hint = f"write `{_form(node.function, signature)}`"
        if signature.aggregate and len(node.args) > most:
            hint = f"one value an aggregate; its clauses have no commas: `{_form(node.function, signature)}`"
        message = f"`{node.function}` takes {wanted} argument{'' if wanted == '1' else 's'}, not {len(node.args)}"
        self._checker.problem("SW216", message, node, hint=hint)
        return False

    def _argument(
        self, index: int, arg: syntax.Expr, node: syntax.Call, signature: Signature, scope: Scope
    ) -> Expr | None:
        expr = self._checker.expr(arg, scope)
        parameter = signature.parameters[min(index, len(signature.parameters) - 1)]
        if expr is None:
            return None
        if parameter.kind is not None and expr.type.kind is not parameter.kind:
            message = f"`{node.function}` needs {KIND_WORDS[parameter.kind]}, but this is {KIND_WORDS[expr.type.kind]}"
            hint = "give it a condition: `ratio(status >= 500)`" if node.function == "ratio" else ""
            return self._checker.problem("SW207", message, arg, hint=hint)
        if parameter.literal and not isinstance(expr, Literal):
            return self._checker.problem("SW207", f"`{parameter.name}` of `{node.function}` must be a constant", arg)
        return expr

    def _alike(self, args: list[Expr], node: syntax.Call) -> list[Expr] | None:
        anchor = next((arg for arg in args if arg.type.unit and not isinstance(arg, Literal)), args[0])
        found: list[Expr] = []
        for arg, written in zip(args, node.args, strict=True):
            if arg.type.kind is not anchor.type.kind:
                kinds = f"{KIND_WORDS[arg.type.kind]}, the others {KIND_WORDS[anchor.type.kind]}"
                self._checker.problem("SW207", f"this is {kinds}", written, hint="give all arguments one type")
                return None
            pair = (anchor, arg) if arg.type.kind is not Kind.NUMBER else dimensions.alike(anchor, arg)
            if isinstance(pair, Clash):
                self._checker.clash(pair, written)
                return None
            found.append(pair[1])
        return found

    def _scalar(self, node: syntax.Call, signature: Signature, scope: Scope) -> Expr | None:
        if node.has_clauses:
            message = f"`{node.function}` works on one value and takes no `where`, `over`, `ago` or `by`"
            return self._checker.problem(
                "SW217", message, node, hint=f"aggregate inside it: `{node.function}(avg(x over 5m))`"
            )
        args = self._arguments(node, signature, scope)
        if args is None:
            return None
        typed_by = sorted(args, key=lambda arg: not arg.type.unit) if signature.uniform else args
        return Call(signature.name, tuple(args), signature.result(tuple(arg.type for arg in typed_by)))

    def _aggregate(self, node: syntax.Call, signature: Signature, scope: Scope) -> Expr | None:
        if scope.row is None:
            return self._misplaced(node)
        args = self._arguments(node, signature, scope.row)
        where = None
        fine = args is not None
        if node.where is not None:
            where = self._checker.expr(node.where, scope.row)
            where = self._checker.expected(node.where, where, Kind.BOOL)
            fine &= where is not None
        over_ms, ago_ms = self._times(node, scope)
        keys = self._keys(node, scope)
        fine &= self._is_ahead(node, signature)
        if not fine or args is None or self._counts_condition(node, args):
            return None
        arg = args[0] if args else None
        type_ = signature.result((arg.type,) if arg is not None else ())
        by = None if keys is None or set(keys) == set(scope.keys) else keys
        where = None if where == fold.TRUE else where
        quantile = signatures.quantile(node.function) if signature is signatures.QUANTILE else None
        found = Aggregate(signature.name, arg, where, over_ms, ago_ms, by, type_, quantile)
        if signature.stepwise:
            return self._stepwise(found, node, signature, scope, keys)
        return Ahead(**_parts(found), ahead_ms=self.duration(node.ahead, "in") or 0) if signature.ahead else found

    def _is_ahead(self, node: syntax.Call, signature: Signature) -> bool:
        """Whether `in` stands where it must and nowhere else."""
        if (node.ahead is not None) == signature.ahead:
            return node.ahead is None or self.duration(node.ahead, "in") is not None
        message = f"`{node.function}` takes no `in`" if node.ahead is not None else f"`{node.function}` needs `in`"
        hint = f"write `{_form(node.function, signature)}`"
        self._checker.problem("SW216", message, node.ahead or node, hint=hint)
        return False

    def _stepwise(
        self, found: Aggregate, node: syntax.Call, signature: Signature, scope: Scope, keys: tuple[str, ...] | None
    ) -> Expr | None:
        """With the series in which samples follow one another: those of the counter's declaration, if it has one."""
        assert scope.row is not None
        name = found.arg.name if isinstance(found.arg, Field) else ""
        counter = scope.row.counters.get(name)
        if counter is None and signature.counter:
            return self._no_counter(node, found)
        counter = counter or Counter(gap_ms=CHANGES_GAP_MS)
        parted = [per for per in counter.per if not _is_key(per, scope, keys)]
        series = [self._series(per, node, scope.row) for per in parted]
        if any(each is None for each in series):
            return None
        parts = tuple(each for each in series if each is not None)
        return Stepwise(**_parts(found), series=parts, gap_ms=counter.gap_ms, bits=counter.bits)

    def _series(self, name: str, node: syntax.Call, row: Scope) -> Expr | None:
        """A field of `per`: text, where nobody says otherwise."""
        place = syntax.Name(name, start=node.start, end=node.start + len(node.function))
        if name in row.names or name in row.inferred:
            return self._checker.expr(place, row)
        return self._checker.of_kind(place, row, Kind.STRING, "`per`")

    def _baseline(self, node: syntax.Call, signature: Signature, scope: Scope) -> Expr | None:
        if scope.row is None:
            return self._misplaced(node)
        if node.has_clauses:
            hint = f"they go inside: `{node.function}(avg(x over 5m))`"
            return self._checker.problem("SW217", f"`{node.function}` itself takes no clauses", node, hint=hint)
        if scope.where is not Where.ALARM:
            hint = "let an alarm read it, or give the KPI to an anomaly rule"
            message = f"`{node.function}(…)` is for alarms; KPIs and anomaly rules do not learn yet"
            return self._checker.problem("SW221", message, node, hint=hint)
        args = self._arguments(node, signature, scope)
        if args is None:
            return None
        below = list(walk(args[0]))
        if any(isinstance(each, Baseline) for each in below) or not any(
            isinstance(e, Aggregate | Value) for e in below
        ):
            message = f"`{node.function}` learns what an aggregate usually is"
            hint = f"write `{node.function}(avg(x over 5m))`, or the name of a value"
            return self._checker.problem("SW207", message, node.args[0], hint=hint)
        return Baseline(signature.name, args[0], signature.result((args[0].type,)))

    def _no_counter(self, node: syntax.Call, found: Aggregate) -> None:
        if not isinstance(found.arg, Field):
            hint = f"give it the counter alone, and reckon outside: `8 * {node.function}(octets over 5m)`"
            message = f"`{node.function}` needs a counter, not an expression"
            self._checker.problem("SW228", message, node.args[0], hint=hint)
            return
        name = found.arg.name
        hint = f"declare it: `fields: {{{name}: {{type: counter, per: [device, ifname]}}}}`; for a gauge use `slope`"
        self._checker.problem("SW228", f"`{name}` is not declared as a counter", node.args[0], hint=hint)

    def _misplaced(self, node: syntax.Call) -> None:
        message = f"`{node.function}(…)` looks at many events, but here is only one"
        hint = "move it to `values:` or `when:`; inside another aggregate, make the inner one a KPI and read that"
        self._checker.problem("SW218", message, node, "aggregate of single events", hint)

    def _counts_condition(self, node: syntax.Call, args: list[Expr]) -> bool:
        if node.function != "count" or not args or args[0].type.kind is not Kind.BOOL or isinstance(args[0], Field):
            return False
        message = "`count(C)` counts where C is known, also where it is false"
        self._checker.problem(
            "SW225", message, node.args[0], hint="write `count(where …)`, or `ratio(…)` for the share"
        )
        return True

    def _times(self, node: syntax.Call, scope: Scope) -> tuple[int | None, int]:
        over_ms = self.duration(node.over, "over")
        ago_ms = self.duration(node.ago, "ago", zero=True)
        is_told = len(node.args) > 1  # a window among the arguments: SW216 says where it stands
        if node.over is None and scope.where is Where.ALARM and not is_told:
            over = syntax.Number("5m")
            hint = f"say over how long: `{print_expr(replace(node, over=over))}`"
            self._checker.problem("SW219", f"`{node.function}` has no window", node, "needs `over`", hint)
        return over_ms, ago_ms or 0

    def duration(self, node: syntax.Number | None, word: str, *, zero: bool = False) -> int | None:
        """Milliseconds of a duration literal; a problem and None where it is none."""
        if node is None:
            return None
        ms = units.parse_duration(node.text)
        if ms is None or (ms == 0 and not zero):
            message = f"`{node.text}` is no duration" if ms is None else f"`{word}` must be longer than zero"
            hint = _duration_hint(node.text) if ms is None else _DURATIONS
            return self._checker.problem("SW109", message, node, f"after `{word}`", hint)
        return ms

    def _keys(self, node: syntax.Call, scope: Scope) -> tuple[str, ...] | None:
        for key in node.by:
            if key.name not in scope.keys:
                hint = did_you_mean(key.name, scope.keys)
                known = f"the keys are {listed(scope.keys)}" if scope.keys else "the rule has no `by:`"
                message = f"`{key.name}` is not one of the rule's keys"
                self._checker.problem("SW220", message, key, "must be in `by:`", hint or known)
        return tuple(sorted({key.name for key in node.by})) if node.by else None


def _duration_hint(text: str) -> str:
    """The unit that is missing, or the one that is meant: `5min` is `5m`."""
    number = text.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    unit = units.find(text[len(number) :])
    if number == text and text.isdigit():
        return f"write the unit: `{text}s` or `{text}m`"
    if unit is not None and units.parse_duration(f"{number}{units.spelling(unit.name)}") is not None:
        return f"write `{number}{units.spelling(unit.name)}`"
    return _DURATIONS


def _parts(node: Aggregate) -> dict[str, Any]:
    """What an aggregate is made of, for one that says more."""
    return {each.name: getattr(node, each.name) for each in fields(Aggregate)}


def _is_key(name: str, scope: Scope, keys: tuple[str, ...] | None) -> bool:
    """Whether rows of one key agree in this field anyway."""
    assert scope.row is not None
    meaning = scope.row.names.get(name)
    return name in (scope.keys if keys is None else keys) and isinstance(meaning, Field) and meaning.name == name


def _form(name: str, signature: Signature) -> str:
    inside = ", ".join(parameter.name for parameter in signature.parameters[: max(signature.required, 1)])
    if signature.variadic:
        inside += ", …"
    if name == "ratio":
        inside = "C"
    if signature.baseline:
        return f"{name}(avg(x over 5m))"
    if signature.ahead:
        return f"{name}({inside} over 1h in 4h)"
    return f"{name}({inside} over 5m)" if signature.aggregate else f"{name}({inside})"
