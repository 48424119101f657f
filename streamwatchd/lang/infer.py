"""The kinds of undeclared fields, from how one expression uses them.

Every node gets a cell; cells that must have one kind are joined. A field whose cell would need two kinds is a
conflict, reported once at the second use.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from streamwatchd.lang import signatures, syntax
from streamwatchd.lang.names import Free, free_key, is_bare_word, resolve
from streamwatchd.lang.problem import Problem
from streamwatchd.lang.scope import Ambiguous, Scope
from streamwatchd.lang.signatures import Signature
from streamwatchd.lang.typed import Kind, Type

KIND_WORDS = {Kind.NUMBER: "a number", Kind.STRING: "text", Kind.BOOL: "true or false"}


@dataclass(slots=True, eq=False)
class _Cell:
    kind: Kind | None = None
    names: set[str] = field(default_factory=set)
    joined: _Cell | None = None

    def root(self) -> _Cell:
        cell = self
        while cell.joined is not None:
            cell = cell.joined
        return cell


class Inference:
    """Feed whole expressions to `visit`; `kinds` then has what is known, `problems` the conflicts."""

    def __init__(self, functions: Mapping[str, Signature]) -> None:
        self._functions = functions
        self._fields: dict[str, _Cell] = {}
        self.conflicts: set[str] = set()
        self.problems: list[Problem] = []

    @property
    def kinds(self) -> dict[str, Kind | None]:
        return {name: cell.root().kind for name, cell in self._fields.items() if name not in self.conflicts}

    def field_of(self, cell: _Cell) -> str:
        """The field whose kind a cell has, where nothing tells that; "" where something does."""
        root = cell.root()
        return min(root.names - self.conflicts, default="") if root.kind is None else ""

    def require(self, node: syntax.Expr, scope: Scope, kind: Kind) -> None:
        """The expression is used as `kind`."""
        self._join(self.visit(node, scope), _Cell(kind), node)

    def visit(self, node: syntax.Expr, scope: Scope) -> _Cell:
        match node:
            case syntax.Number():
                return _Cell(Kind.NUMBER)
            case syntax.String():
                return _Cell(Kind.STRING)
            case syntax.Constant(value):
                return _Cell(None if value is None else Kind.BOOL)
            case syntax.Name():
                return self._name(node, scope)
            case syntax.Negate(arg):
                self.require(arg, scope, Kind.NUMBER)
                return _Cell(Kind.NUMBER)
            case syntax.Binary():
                return self._binary(node, scope)
            case syntax.Call():
                return self._call(node, scope)
            case _:
                self._predicate(node, scope)
                return _Cell(Kind.BOOL)

    def _predicate(self, node: syntax.Expr, scope: Scope) -> None:
        match node:
            case syntax.Match(arg, _):
                self.require(arg, scope, Kind.STRING)
            case syntax.In(arg, choices):
                cell = self.visit(arg, scope)
                for choice in choices:
                    self._join(cell, self._right(choice, scope), choice)
            case syntax.IsNull(arg):
                self.visit(arg, scope)
            case syntax.Not(arg):
                self.require(arg, scope, Kind.BOOL)
            case syntax.And(args) | syntax.Or(args):
                for arg in args:
                    self.require(arg, scope, Kind.BOOL)

    def _right(self, node: syntax.Expr, scope: Scope) -> _Cell:
        return _Cell(Kind.STRING) if is_bare_word(node, scope) else self.visit(node, scope)

    def _name(self, node: syntax.Name, scope: Scope) -> _Cell:
        if node.name in scope.guesses:
            key = scope.guesses[node.name]
            return self._fields.setdefault(key, _Cell(names={key}))
        meaning = resolve(node.name, scope)
        match meaning:
            case None | Ambiguous():
                return _Cell()
            case Free(type=Type(kind)):
                return _Cell(kind)
            case Free():
                key = free_key(meaning)
                return self._fields.setdefault(key, _Cell(names={key}))
        return _Cell(meaning.type.kind)

    def _binary(self, node: syntax.Binary, scope: Scope) -> _Cell:
        left = self.visit(node.left, scope)
        if node.op not in syntax.COMPARISONS:
            self._join(left, _Cell(Kind.NUMBER), node.left)
            self.require(node.right, scope, Kind.NUMBER)
            return _Cell(Kind.NUMBER)
        right = self._right(node.right, scope)
        self._join(left, right, node)
        if node.op not in ("==", "!=") and left.root().kind is None:
            self._join(left, _Cell(Kind.NUMBER), node)
        return _Cell(Kind.BOOL)

    def _call(self, node: syntax.Call, scope: Scope) -> _Cell:
        signature = signatures.find(node.function, self._functions)
        if signature is None or not signature.supported:
            return _Cell()
        inner = scope.row or scope if signature.aggregate and not signature.baseline else scope
        if node.where is not None:
            self.require(node.where, inner, Kind.BOOL)
        cells = [self.visit(arg, inner) for arg in node.args]
        for index, (cell, arg) in enumerate(zip(cells, node.args, strict=True)):
            parameter = signature.parameters[min(index, len(signature.parameters) - 1)]
            if parameter.kind is not None:
                self._join(cell, _Cell(parameter.kind), arg)
            if signature.uniform:
                self._join(cells[0], cell, arg)
        if signature.stepwise and node.args and isinstance(node.args[0], syntax.Name):
            self._series(node.args[0].name, node, inner)
        if signature.result is signatures.same and cells:
            return cells[0]
        return _Cell(signature.result((Type(Kind.NUMBER),)).kind)

    def _series(self, name: str, node: syntax.Call, row: Scope) -> None:
        """The fields that tell counters apart are texts, where nobody says otherwise."""
        for per in row.counters[name].per if name in row.counters else ():
            if per not in row.names and per not in row.inferred:
                self.require(syntax.Name(per, start=node.start, end=node.end), row, Kind.STRING)

    def _join(self, first: _Cell, second: _Cell, node: syntax.Node) -> None:
        one, other = first.root(), second.root()
        if one is other:
            return
        names = (one.names | other.names) - self.conflicts
        if one.kind and other.kind and one.kind is not other.kind:
            self._conflict(names, one, other, node)
            return
        other.joined = one
        one.kind = one.kind or other.kind
        one.names |= other.names

    def _conflict(self, names: set[str], one: _Cell, other: _Cell, node: syntax.Node) -> None:
        if not names or not one.kind or not other.kind:
            return
        name = min(names)
        kinds = f"{KIND_WORDS[one.kind]} and as {KIND_WORDS[other.kind]}"
        message = f"`{name}` is used as {kinds}"
        hint = f"declare it: `fields: {{{name}: {{type: float}}}}` or `{{type: string}}`, and use it as that"
        self.problems.append(Problem("SW206", message, node.start, node.end, f"here as {KIND_WORDS[other.kind]}", hint))
        self.conflicts |= names
