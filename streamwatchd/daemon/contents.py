"""What was in force and since when: kept by hash beside the snapshots, so that a replay finds the old rules.

`<state>/versions.json` lists the versions, oldest first; `<state>/content/<digest>` has the files one was compiled
from. A version is on disk before any worker hears of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from streamwatchd.compiler import Compiled, compile_project
from streamwatchd.errors import StateMismatch
from streamwatchd.failpoints import failpoint
from streamwatchd.packing import pack, unpack
from streamwatchd.ports.disk import Disk
from streamwatchd.settings import Settings
from streamwatchd.shard.version import BEGINNING, Content, Input, Version

_VERSIONS = "versions.json"
_FOLDER = "content"


def content_of(compiled: Compiled) -> Content | None:
    """What workers run, named by the hash of its meaning: equal rules and tables have an equal digest.

    None when nothing can run.
    """
    if compiled.program is None:
        return None
    inputs: dict[str, Input] = {}
    for source in compiled.loaded.ruleset.sources.values():
        known = inputs.get(source.topic)
        inputs[source.topic] = Input(
            source.topic,
            max(source.idle_after_ms, known.idle_after_ms if known else 0),
            max(source.max_delay_ms, known.max_delay_ms if known else 0),
        )
    meaning = [
        compiled.program.digest,
        sorted((name, table.digest) for name, table in compiled.loaded.tables.items()),
        sorted((each.topic, each.idle_after_ms, each.max_delay_ms) for each in inputs.values()),
    ]
    digest = sha256(msgspec.json.encode(meaning)).hexdigest()[:32]
    tables = dict(compiled.loaded.tables)
    return Content(digest, compiled.program, tables, tuple(inputs.values()), 1 + len(compiled.program.plan.later))


class Bundle:
    """A project's files as they were: the settings, the rules, the tables."""

    def __init__(self, config: bytes, rules: Mapping[str, bytes], tables: Mapping[str, bytes]) -> None:
        self.config, self.rules, self.tables = config, dict(rules), dict(tables)

    @classmethod
    def of(cls, files: Mapping[str, bytes], settings: Settings, config: bytes) -> Bundle:
        """Of the files in force, by path."""
        return cls(config, _below(files, settings.rules_dir), _below(files, settings.enrichment_dir))

    def encode(self) -> bytes:
        return pack({"config": self.config, "rules": self.rules, "tables": self.tables})

    @classmethod
    def decode(cls, data: bytes) -> Bundle:
        raw = unpack(data)
        return cls(raw["config"], raw["rules"], raw["tables"])

    def unfold(self, folder: Path) -> Path:
        """Write the files below `folder`; returns the path of the settings."""
        for name, files in (("rules.d", self.rules), ("enrichment.d", self.tables)):
            (folder / name).mkdir(parents=True)
            for path, data in files.items():
                (folder / name / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / name / path).write_bytes(data)
        (folder / "streamwatchd.yaml").write_bytes(self.config)
        return folder / "streamwatchd.yaml"

    def compile(self) -> Compiled:
        with TemporaryDirectory(prefix="streamwatchd-") as name:
            config = self.unfold(Path(name))
            rules_dir, enrichment_dir = config.parent / "rules.d", config.parent / "enrichment.d"
            return compile_project(config, rules_dir=rules_dir, enrichment_dir=enrichment_dir)

    def last_good(self, settings: Settings) -> dict[str, bytes]:
        """By the paths that the files have in the project now."""
        rules = {str(settings.rules_dir / path): data for path, data in self.rules.items()}
        return rules | {str(settings.enrichment_dir / path): data for path, data in self.tables.items()}


def _below(files: Mapping[str, bytes], folder: Path) -> dict[str, bytes]:
    return {
        str(Path(path).relative_to(folder)): data for path, data in files.items() if Path(path).is_relative_to(folder)
    }


class ContentStore:
    """The versions and contents of one state folder, with what was compiled of them."""

    def __init__(self, disk: Disk, state_dir: Path, compile: Callable[[Bundle], Compiled] = Bundle.compile) -> None:
        self._disk = disk
        self._state_dir = state_dir
        self._compile = compile
        self._compiled: dict[str, Content] = {}
        self.versions: tuple[Version, ...] = self._read()

    def _read(self) -> tuple[Version, ...]:
        data = self._disk.read(self._state_dir / _VERSIONS)
        if data is None:
            return ()
        try:
            rows = msgspec.json.decode(data, type=list[tuple[int, int, str]])
        except msgspec.DecodeError as error:
            raise StateMismatch(f"{self._state_dir / _VERSIONS} can't be read: {error}") from error
        return tuple(Version(*row) for row in rows)

    def add(self, content: Content, bundle: Bundle, at_ms: int = BEGINNING) -> Version:
        """Put a new version in force from `at_ms` on; on disk when this returns. Raises Unavailable."""
        version = Version(self.versions[-1].number + 1 if self.versions else 0, at_ms, content.digest)
        self._disk.write(self._path(content.digest), bundle.encode())
        failpoint("version.stored")
        self._write((*self.versions, version))
        self._compiled[content.digest] = content
        return version

    def content(self, digest: str) -> Content:
        """Compiled again where need be. Raises StateMismatch when it is kept no more, or compiles no more."""
        if digest not in self._compiled:
            compiled = self._compile(self.bundle(digest))
            content = content_of(compiled)
            if content is None:
                problems = "; ".join(each.message for each in compiled.loaded.diagnostics if each.is_error)
                raise StateMismatch(f"kept content {digest} does not compile any more: {problems}")
            self._compiled[digest] = content
        return self._compiled[digest]

    def bundle(self, digest: str) -> Bundle:
        """Raises StateMismatch when it is kept no more."""
        data = self._disk.read(self._path(digest))
        if data is None:
            raise StateMismatch(f"rules of content {digest} are needed for a replay, but are not in {self._state_dir}")
        return Bundle.decode(data)

    def remember(self, content: Content) -> None:
        """Spare a second compilation of what was just compiled."""
        self._compiled.setdefault(content.digest, content)

    def prune(self, oldest: int) -> None:
        """Forget versions below number `oldest`, and contents that no version names."""
        kept = tuple(version for version in self.versions if version.number >= oldest)
        if not kept or len(kept) == len(self.versions):
            return
        self._write(kept)
        digests = {version.digest for version in kept}
        self._compiled = {digest: each for digest, each in self._compiled.items() if digest in digests}
        for name in self._disk.list(self._state_dir / _FOLDER):
            if name not in digests:
                self._disk.delete(self._path(name))

    def _write(self, versions: Iterable[Version]) -> None:
        kept = tuple(versions)
        rows = [(each.number, each.at_ms, each.digest) for each in kept]
        self._disk.write(self._state_dir / _VERSIONS, msgspec.json.encode(rows))
        self.versions = kept

    def _path(self, digest: str) -> Path:
        return self._state_dir / _FOLDER / digest
