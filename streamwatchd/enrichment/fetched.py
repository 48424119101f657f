"""Tables whose rows lie elsewhere, in a database or a topic: what to fetch, and where the copy of it is.

The rules never see a database. Whoever fetches (`daemon/tables.py`, `swctl fetch`) writes a copy into the state folder,
and from there on it is a file like any other: hashed, kept, switched at an instant. In a project's content it has a
path below the tables' folder, so that a version of the rules is kept with the rows that it had.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDER = ".fetched"
"""Below the tables' folder; hidden, so that no file there is a table of its own."""


@dataclass(frozen=True, slots=True)
class Fetch:
    """What to fetch for a table, and how often. Either `query` and `database` or `topic` is said.

    `database` is as written: its `${env:NAME}` are put in when it is opened, and never before. `key` names the key
    column; empty means the first.
    """

    table: str
    key: str
    every_ms: int
    query: str = ""
    database: str = ""
    topic: str = ""


def copies_dir(state_dir: Path) -> Path:
    """The folder of copies."""
    return state_dir / "tables"


def copy_path(state_dir: Path, table: str) -> Path:
    """Where the copy of a table's rows lies."""
    return copies_dir(state_dir) / f"{table}.ndjson"


def content_path(enrichment_dir: Path, table: str) -> Path:
    """What the copy is called among a project's files."""
    return enrichment_dir / FOLDER / f"{table}.ndjson"


def copies(folder: Path, enrichment_dir: Path) -> Iterator[tuple[str, Path]]:
    """(content path, file) of all copies in `folder`. Of a project that was kept with its rows, those: it had them."""
    kept = enrichment_dir / FOLDER
    for path in _files(kept if kept.is_dir() else folder):
        yield str(content_path(enrichment_dir, path.stem)), path


def _files(folder: Path) -> Iterable[Path]:
    return sorted(folder.glob("*.ndjson")) if folder.is_dir() else ()
