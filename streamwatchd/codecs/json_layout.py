"""The typed structs that JSON records are decoded into: the wanted fields only, nested where names have dots."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

import msgspec

Getter = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Layout:
    """`decode` gives `empty`-like objects; `getters[name]` are the places where field `name` may stand, best first."""

    decode: Callable[[Any], Any]
    empty: Any
    getters: Mapping[str, tuple[Getter, ...]]


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
    struct, attributes = _struct(root)
    getters = {name: tuple(attrgetter(attributes[path]) for path in places(name)) for name in types}
    return Layout(msgspec.json.Decoder(struct).decode, struct(), getters)


def _insert(root: _Node, path: Sequence[str], type_: object) -> None:
    node = root
    for part in path[:-1]:
        node = node.inner.setdefault(part, _Node())
    node.leaves[path[-1]] = type_


def _ambiguous(node: _Node) -> bool:
    return not node.leaves.keys().isdisjoint(node.inner) or any(map(_ambiguous, node.inner.values()))


def _struct(node: _Node) -> tuple[type[msgspec.Struct], dict[tuple[str, ...], str]]:
    """The struct of a node, and the attribute path of each leaf below it by its JSON path."""
    fields: list[tuple[str, Any, Any]] = []
    rename: dict[str, str] = {}
    attributes: dict[tuple[str, ...], str] = {}
    for name, type_ in node.leaves.items():
        attribute = f"f{len(fields)}"
        fields.append((attribute, type_, None))
        rename[attribute] = name
        attributes[name,] = attribute
    for name, inner in node.inner.items():
        attribute = f"f{len(fields)}"
        struct, below = _struct(inner)
        fields.append((attribute, struct, struct()))
        rename[attribute] = name
        attributes.update({(name, *path): f"{attribute}.{rest}" for path, rest in below.items()})
    return msgspec.defstruct("Event", fields, rename=rename, frozen=True, gc=False), attributes
