"""The tree of an expression as it was written: names unresolved, literals in the unit they were given in.

Every node knows its place (`start`, `end`: offsets into the text) but is compared without it, so a tree equals the
tree of its canonical text. `And` and `Or` are flat: no `And` stands directly in an `And`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields


@dataclass(frozen=True, slots=True)
class Node:
    """`start` is the offset of the first character, `end` the one after the last; parentheses around it not counted."""

    start: int = field(default=0, compare=False, kw_only=True)
    end: int = field(default=0, compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Number(Node):
    """A number with its unit as written: `text` is the whole literal, `85%`, `1h30m`, `10MiB`, `5/s`, `1e3`."""

    text: str


@dataclass(frozen=True, slots=True)
class String(Node):
    value: str


@dataclass(frozen=True, slots=True)
class Constant(Node):
    """`true`, `false` or `null` (None)."""

    value: bool | None


@dataclass(frozen=True, slots=True)
class Name(Node):
    """A name, with dots: `cpu`, `devices.role`. `quoted` when it stood in back-ticks: then it is never a bare word."""

    name: str
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Negate(Node):
    arg: Expr


@dataclass(frozen=True, slots=True)
class Binary(Node):
    """`+ - * / %` and `== != < <= > >=`."""

    op: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Match(Node):
    arg: Expr
    pattern: Expr


@dataclass(frozen=True, slots=True)
class In(Node):
    arg: Expr
    choices: tuple[Expr, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class IsNull(Node):
    arg: Expr
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Not(Node):
    arg: Expr


@dataclass(frozen=True, slots=True)
class And(Node):
    args: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Or(Node):
    args: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Call(Node):
    """`fn(args where C over D ago D in D by k)`; the durations are number literals, `by` the keys."""

    function: str
    args: tuple[Expr, ...] = ()
    where: Expr | None = None
    over: Number | None = None
    ago: Number | None = None
    ahead: Number | None = None
    by: tuple[Name, ...] = ()

    @property
    def has_clauses(self) -> bool:
        return any((self.where, self.over, self.ago, self.ahead, self.by))


@dataclass(frozen=True, slots=True)
class Condition(Node):
    """`when for D until C for D`."""

    when: Expr
    hold: Number | None = None
    until: Expr | None = None
    until_hold: Number | None = None


Expr = Number | String | Constant | Name | Negate | Binary | Match | In | IsNull | Not | And | Or | Call

COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly below, in the order of the fields."""
    found: list[Node] = []
    for each in fields(node):
        value = getattr(node, each.name)
        if isinstance(value, Node):
            found.append(value)
        elif isinstance(value, tuple):
            found.extend(part for part in value if isinstance(part, Node))
    return tuple(found)


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it, without recursion, so for trees of any depth."""
    pending = [node]
    while pending:
        current = pending.pop()
        yield current
        pending.extend(reversed(children(current)))


def depth(node: Node) -> int:
    """Levels of the tree, without recursion."""
    deepest, level = 0, [node]
    while level:
        deepest += 1
        level = [child for each in level for child in children(each)]
    return deepest
