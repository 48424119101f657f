"""The files of a project as they are on disk now, or as they were when they last checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from streamwatchd.diagnostics import Diagnostic
from streamwatchd.rules.reader import MAX_BYTES, read_bytes

Content = bytes | Diagnostic


@dataclass(frozen=True, slots=True)
class Files:
    """Path → content, or why it can't be read; `now` is the disk, `last_good` what was in force before.

    A path outside the folders is read when it is first asked for, and once.

    `held` are the paths whose last good content stays, whatever the disk has.
    """

    now: dict[str, Content]
    last_good: Mapping[str, bytes]
    held: frozenset[str] = frozenset()

    def below(self, folder: Path) -> tuple[str, ...]:
        """Paths in order, files that are held though the disk lost them included."""
        prefix = f"{folder}/"
        held = (path for path in self.held if path in self.last_good)
        return tuple(sorted(path for path in {*self.now, *held} if path.startswith(prefix)))

    def content(self, path: str) -> Content:
        if path in self.held and path in self.last_good:
            return self.last_good[path]
        if path not in self.now:
            self.now[path] = read_content(path)
        return self.now[path]

    def hold(self, paths: frozenset[str]) -> Files:
        return replace(self, held=self.held | paths)

    def changed(self, path: str) -> bool:
        """Whether the disk has something else than what was in force, and the disk counts."""
        if path in self.held:
            return False
        found = self.now.get(path)
        return path not in self.last_good or found != self.last_good[path]


def rule_paths(folder: Path) -> tuple[str, ...]:
    """The rules files below a folder: `*.yaml`, not `*_test.yaml`, nothing hidden."""
    found = (path for pattern in ("*.yaml", "*.yml") for path in folder.rglob(pattern))
    return tuple(sorted(str(path) for path in found if _counts(path, folder) and not path.stem.endswith("_test")))


def table_paths(folder: Path, suffixes: tuple[str, ...]) -> tuple[str, ...]:
    """The declarations and data files of tables in a folder, not below."""
    if not folder.is_dir():
        return ()
    wanted = (".yaml", ".yml", *suffixes)
    found = (path for path in folder.iterdir() if path.suffix.lower() in wanted)
    return tuple(sorted(str(path) for path in found if _counts(path, folder)))


def paths_in(folder: Path, suffixes: tuple[str, ...]) -> tuple[str, ...]:
    """The files in a folder, not below, that end so and are not hidden."""
    if not folder.is_dir():
        return ()
    return tuple(sorted(str(path) for path in folder.iterdir() if path.suffix in suffixes and _counts(path, folder)))


def _counts(path: Path, folder: Path) -> bool:
    return not any(part.startswith(".") for part in path.relative_to(folder).parts)


def read_content(path: str) -> Content:
    """A YAML file up to its size limit, a data file whole."""
    limit = MAX_BYTES + 1 if path.endswith((".yaml", ".yml")) else -1
    return read_bytes(Path(path), limit)
