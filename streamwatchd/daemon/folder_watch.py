"""The folders of a project under the operating system's watch, those too that come, go or are replaced meanwhile."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import ObservedWatch

_CHANGES = ("created", "deleted", "modified", "moved", "closed")

_Inode = tuple[int, int]


class FolderWatch:
    """Calls `hint` when a file below one of the folders changes, or the configuration, or a folder comes or goes.

    `folders()` says which there may be. A folder that is not there yet is noticed at once if it comes beside the
    configuration, else when `follow` is called.
    """

    def __init__(self, hint: Callable[[], None], config: Path, folders: Callable[[], Iterable[Path]]) -> None:
        self._folders = folders
        self._any = _Hints(hint, lambda _: True)
        self._observer = Observer()
        self._watches: dict[Path, tuple[_Inode, ObservedWatch]] = {}
        beside = _Hints(hint, lambda path: path == config or path in self._folders())
        self._observer.schedule(beside, str(config.parent))
        self._observer.daemon = True
        self.follow()
        self._observer.start()

    def follow(self) -> None:
        """Watch what is there by now; a folder in the place of another of the same name is another one."""
        there = {folder: inode for folder in self._folders() if (inode := _inode(folder)) is not None}
        for folder, (inode, watch) in list(self._watches.items()):
            if there.get(folder) != inode:
                del self._watches[folder]
                self._observer.unschedule(watch)
        for folder in there.keys() - self._watches.keys():
            try:
                watch = self._observer.schedule(self._any, str(folder), recursive=True)
            except OSError:
                continue  # gone again, or no watches left: whoever looks now and then sees it
            self._watches[folder] = there[folder], watch

    def close(self) -> None:
        self._observer.stop()


def _inode(folder: Path) -> _Inode | None:
    try:
        status = folder.stat()
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if folder.is_dir() else None


class _Hints(FileSystemEventHandler):
    """Of the paths that `concerns` says."""

    def __init__(self, hint: Callable[[], None], concerns: Callable[[Path], bool]) -> None:
        self._hint, self._concerns = hint, concerns

    def on_any_event(self, event: FileSystemEvent) -> None:
        paths = (Path(os.fsdecode(path)) for path in (event.src_path, event.dest_path) if path)
        if event.event_type in _CHANGES and any(map(self._concerns, paths)):
            self._hint()
