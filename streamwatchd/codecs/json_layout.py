"""The typed structs that JSON records are decoded into: the wanted fields only, nested where names have dots."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import length_hint
from typing import Any

import msgspec
from msgspec import DecodeError, ValidationError
from msgspec.structs import astuple

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Shape:
    """How many leaves a struct begins with, and the shapes of the structs that follow them."""

    leaves: int
    inner: tuple[_Shape, ...]

    @property
    def width(self) -> int:
        return self.leaves + sum(shape.width for shape in self.inner)

    def columns(self, objects: Sequence[Any]) -> list[Sequence[Any]]:
        """All leaves below, a column each: one call an object, and none a value."""
        if not objects:
            return [()] * self.width
        members = list(zip(*map(astuple, objects), strict=True))
        found: list[Sequence[Any]] = list(members[: self.leaves])
        for shape, inner in zip(self.inner, members[self.leaves :], strict=True):
            found += shape.columns(inner)
        return found


@dataclass(frozen=True, slots=True)
class Layout:
    """`decode` gives `empty`-like objects."""

    decode: Callable[[Any], Any]
    empty: Any
    _shape: _Shape
    _places: Mapping[str, tuple[int, ...]]
    """By field, the leaves where it may stand, best first."""

    def columns(self, objects: Sequence[Any]) -> dict[str, Sequence[Any]]:
        """The value of every field in each object: in the first of its places that holds one, else None."""
        leaves = self._shape.columns(objects)
        return {name: _first_values([leaves[at] for at in places]) for name, places in self._places.items()}


@dataclass(slots=True)
class _Node:
    """An object of the record: `leaves` are wanted values by JSON name, `inner` wanted objects."""

    leaves: dict[str, object] = field(default_factory=dict)
    inner: dict[str, _Node] = field(default_factory=dict)


def places(name: str) -> tuple[tuple[str, ...], ...]:
    """Where field `name` may stand: under the whole name, and, if it has dots, nested."""
    return ((name,), tuple(name.split("."))) if "." in name else ((name,),)


def build_layout(types: Mapping[str, object]) -> Layout | None:
    """None where one name is both a value and an object that holds others (`a` and `a.b`), which no struct can say."""
    root = _Node()
    for name, type_ in types.items():
        for path in places(name):
            _insert(root, path, type_)
    if _ambiguous(root):
        return None
    struct, shape, paths = _struct(root)
    number = {path: at for at, path in enumerate(paths)}
    found = {name: tuple(number[path] for path in places(name)) for name in types}
    return Layout(msgspec.json.Decoder(struct).decode, struct(), shape, found)


def decode_all(payloads: list[bytes | None] | list[bytes], layout: Layout) -> tuple[list[Any], list[int], list[int]]:
    """The objects of those that fit, the rows that are no JSON, and the rows that did not fit.

    `list.extend` keeps what its iterator gave before it raised, so one loop turn is spent per refused record only. The
    iterator of a list knows how many it has left.
    """
    objects: list[Any] = []
    torn: list[int] = []
    doubtful: list[int] = []
    pending = iter(payloads)
    rest, last = map(layout.decode, pending), len(payloads) - 1
    while True:
        try:
            objects.extend(rest)
            return objects, torn, doubtful
        except ValidationError:
            doubtful.append(last - length_hint(pending))
        except DecodeError:
            torn.append(last - length_hint(pending))
        except (UnicodeDecodeError, RecursionError, TypeError):  # TypeError: a null payload
            doubtful.append(last - length_hint(pending))


def _insert(root: _Node, path: Sequence[str], type_: object) -> None:
    node = root
    for part in path[:-1]:
        node = node.inner.setdefault(part, _Node())
    node.leaves[path[-1]] = type_


def _ambiguous(node: _Node) -> bool:
    return not node.leaves.keys().isdisjoint(node.inner) or any(map(_ambiguous, node.inner.values()))


def _struct(node: _Node) -> tuple[type[msgspec.Struct], _Shape, list[Path]]:
    """The struct of a node, its shape, and the paths of the leaves below it in the order of the shape's columns."""
    fields: list[tuple[str, Any, Any]] = [(f"f{at}", type_, None) for at, type_ in enumerate(node.leaves.values())]
    paths: list[Path] = [(name,) for name in node.leaves]
    shapes: list[_Shape] = []
    for name, inner in node.inner.items():
        struct, shape, below = _struct(inner)
        fields.append((f"f{len(fields)}", struct, struct()))
        shapes.append(shape)
        paths += [(name, *path) for path in below]
    rename = {f"f{at}": name for at, name in enumerate([*node.leaves, *node.inner])}
    made = msgspec.defstruct("Event", fields, rename=rename, frozen=True, gc=False)
    return made, _Shape(len(node.leaves), tuple(shapes)), paths


def _first_values(places: Iterable[Sequence[Any]]) -> Sequence[Any]:
    """What the first place that holds no None holds, object by object."""
    first, *others = places
    for other in others:
        missing = first.count(None)
        if missing == len(first):
            first = other
        elif missing and other.count(None) < len(other):
            first = [later if value is None else value for value, later in zip(first, other, strict=True)]
    return first
