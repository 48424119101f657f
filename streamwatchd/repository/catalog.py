"""The versions that a rule may take, newest first, each read with every check or told why not.

What was in force is known by its bytes: a version that the repository has lost or spoilt goes on from them. One that
is withdrawn goes on nowhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from streamwatchd.errors import ModelRejected, Unavailable
from streamwatchd.ports.files import Files
from streamwatchd.repository.store import GOOD, SHADOW, ModelData, ModelStore

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A version: its content and its files by path, or the `problem` for which it can't be used."""

    name: str
    version: int
    data: ModelData | None
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    problem: str = ""

    @property
    def id(self) -> str:
        return f"{self.name}@{self.version}"


class Catalog:
    """One look at a repository; what was read is not read again. `in_force` are files by path, as `files` gives them.

    `shown` is what people call its root.
    """

    def __init__(self, files: Files, root: Path, in_force: Mapping[str, bytes] | None = None, shown: str = "") -> None:
        prefix = f"{root}/"
        kept = {path: data for path, data in (in_force or {}).items() if path.startswith(prefix)}
        self.root, self.shown = root, shown or str(root)
        self._store = ModelStore(files, root)
        self._kept = ModelStore(_Kept(kept), root)
        self._listed: dict[str, list[int]] = {}
        self._found: dict[tuple[str, int], Candidate] = {}
        self.trouble = ""
        """Why the repository could not be asked."""

    def names(self) -> list[str]:
        """Those of all models that have a version."""
        nothing: list[str] = []
        return sorted({*self._asked(self._store.names, nothing), *self._kept.names()})

    def versions(self, name: str) -> list[int]:
        """Of a model, whatever their status."""
        return sorted({*self._there(name), *self._kept.versions(name)})

    def _there(self, name: str) -> list[int]:
        """Those that the repository has itself."""
        if name not in self._listed:
            nothing: list[int] = []
            self._listed[name] = self._asked(lambda: self._store.versions(name), nothing)
        return self._listed[name]

    def candidates(self, reference: str) -> Iterable[Candidate]:
        """For `name` the good versions, newest first; for `name@version` that one, unless it is withdrawn."""
        name, _, pinned = reference.partition("@")
        wanted = (GOOD, SHADOW) if pinned else (GOOD,)
        for version in sorted(self.versions(name), reverse=True):
            if (not pinned or version == int(pinned)) and self.status(name, version) in wanted:
                yield from self._read(name, version)

    def shadows(self, name: str, above: int) -> Iterable[Candidate]:
        """Versions on trial, newest first, those above a version."""
        for version in sorted(self.versions(name), reverse=True):
            if version > above and self.status(name, version) == SHADOW:
                yield from self._read(name, version)

    def status(self, name: str, version: int) -> str:
        """As the repository says; of a version that it has lost, as it was."""
        if version not in self._there(name):
            return self._kept.status(name, version).status
        return self._asked(lambda: self._store.status(name, version).status, GOOD)

    def _read(self, name: str, version: int) -> Iterable[Candidate]:
        """As it is in the repository, and, where that can't be used, as it was in force."""
        found = self._found.get((name, version))
        if found is None:
            found = self._found[name, version] = self._of(self._store, name, version)
        yield found
        if found.data is None and version in self._kept.versions(name):
            yield self._of(self._kept, name, version)

    def _of(self, store: ModelStore, name: str, version: int) -> Candidate:
        try:
            return Candidate(name, version, store.read(name, version), store.content(name, version))
        except (ModelRejected, Unavailable) as error:
            return Candidate(name, version, None, problem=str(error).replace(str(self.root), self.shown))

    def fingerprint(self) -> str:
        """Changes with what there is: versions, what they are and whether they may be taken. Raises Unavailable."""
        total = sha256()
        for name in self._store.names():
            for version in self._store.versions(name):
                about = [self._store.status(name, version), self._store.sizes(name, version)]
                total.update(f"{name} {version} {about}".encode())
        return total.hexdigest()

    def _asked(self, ask: Callable[[], T], otherwise: T) -> T:
        try:
            return ask()
        except Unavailable as error:
            self.trouble = str(error)
            return otherwise


class _Kept:
    """Files by path, read only."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files

    def read(self, path: Path, offset: int = 0, length: int | None = None) -> bytes | None:
        data = self._files.get(str(path))
        return None if data is None else data[offset : None if length is None else offset + length]

    def size(self, path: Path) -> int | None:
        data = self._files.get(str(path))
        return None if data is None else len(data)

    def list(self, folder: Path) -> list[str]:
        prefix = f"{folder}/"
        return sorted({path[len(prefix) :].partition("/")[0] for path in self._files if path.startswith(prefix)})

    def write(self, path: Path, data: bytes | Iterable[bytes]) -> int:
        raise Unavailable(f"{path}: what was in force is not written to")

    def rename(self, path: Path, to: Path) -> None:
        raise Unavailable(f"{path}: what was in force is not written to")

    def delete(self, path: Path) -> None:
        raise Unavailable(f"{path}: what was in force is not written to")
