"""Shelves: packages that hold one component per file, found by file name and imported when first asked for."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from typing import TypeVar

Component = TypeVar("Component")


class Shelf(Mapping[str, Component]):
    """The components of a package by name: file `abs.py` holds the component `abs` under the name `SPEC`.

    Files that begin with an underscore are no components. Listing names imports nothing; looking one up imports its
    file. Raises TypeError for a file without a `SPEC` of the right class: a bug, not the user's mistake.
    """

    def __init__(self, package: str, path: Iterable[str], component: type[Component]) -> None:
        self._package = package
        self._class = component
        modules = pkgutil.iter_modules(path)
        self._names = tuple(sorted(module.name for module in modules if not module.name.startswith("_")))

    def __getitem__(self, name: str) -> Component:
        if name not in self._names:
            raise KeyError(name)
        found = getattr(import_module(f"{self._package}.{name}"), "SPEC", None)
        if not isinstance(found, self._class):
            raise TypeError(f"{self._package}.{name} has no SPEC of class {self._class.__name__}")
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
