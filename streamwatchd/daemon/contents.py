"""What was in force and since when: kept by hash beside the snapshots, so that a replay finds the old rules.

`<state>/versions` lists the versions, oldest first; `<state>/content/<digest>` has the files one was compiled from. A
version is on disk before any worker hears of it. Both are sealed, so that spoilt ones are told apart: the list is there
twice, and what is lost can be had from the shared store.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

import msgspec

from streamwatchd.compiler import Compiled, compile_project
from streamwatchd.daemon.places import NOWHERE_ELSE, Places
from streamwatchd.enrichment.fetched import copies, copies_dir
from streamwatchd.errors import SnapshotCorrupt, StateMismatch, Unavailable
from streamwatchd.failpoints import failpoint
from streamwatchd.operators.document import iso
from streamwatchd.packing import seal, unseal
from streamwatchd.ports.disk import Disk
from streamwatchd.rules.silence_reader import SPOKEN
from streamwatchd.settings import Settings
from streamwatchd.shard.version import BEGINNING, Content, Input, Version

_VERSIONS, _SECOND = "versions", "versions.second"
_FOLDER = "content"
_FOLDERS = {
    "rules": "rules.d", "tables": "enrichment.d", "models": "models", "calendars": "calendars.d",
    "silences": "silences.d",
}  # fmt: skip
"""The parts of a bundle, and the folders that they are unfolded to."""
_LIST, _BUNDLE = b"SWDVERS\n", b"SWDRULE\n"
VERSIONS_FORMAT = 1
RULES_FORMAT = 2
_DIGEST = re.compile(r"[A-Za-z0-9._-]{1,64}")


def content_of(compiled: Compiled, places: Places = NOWHERE_ELSE) -> Content | None:
    """What workers run, named by the hash of its meaning: equal rules and tables have an equal digest, where keys
    lie in the same places.

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
    places = places.of(inputs)
    if places:
        meaning += [[[topic, count] for topic, count in places.placed.items()], list(places.settling)]
    digest = sha256(msgspec.json.encode(meaning)).hexdigest()[:32]
    tables = dict(compiled.loaded.tables)
    program = replace(compiled.program, plan=places.put_into(compiled.program.plan))
    return Content(digest, program, tables, tuple(inputs.values()), 1 + len(program.plan.later))


class RulesLost(StateMismatch):
    """Rules of a version are kept neither here nor in the shared store."""


class _Files(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    digest: str
    config: bytes
    rules: dict[str, bytes]
    tables: dict[str, bytes]
    models: dict[str, bytes] = {}
    calendars: dict[str, bytes] = {}
    silences: dict[str, bytes] = {}
    placed: dict[str, int] = {}
    settling: tuple[str, ...] = ()


def stays_inside(part: str, path: str) -> bool:
    """Whether it names a file of a bundle, and none elsewhere on the disk."""
    return part in _FOLDERS and not Path(path).is_absolute() and ".." not in Path(path).parts and "\0" not in path


class Bundle:
    """A project's files as they were: the settings, the rules, the tables, the versions of models that scored; and
    where keys lay then."""

    def __init__(
        self,
        config: bytes,
        rules: Mapping[str, bytes],
        tables: Mapping[str, bytes],
        models: Mapping[str, bytes] = MappingProxyType({}),
        calendars: Mapping[str, bytes] = MappingProxyType({}),
        silences: Mapping[str, bytes] = MappingProxyType({}),
        *,
        places: Places = NOWHERE_ELSE,
    ) -> None:
        self.config, self.rules, self.tables, self.models = config, dict(rules), dict(tables), dict(models)
        self.calendars, self.silences = dict(calendars), dict(silences)
        self.places = places

    @classmethod
    def of(
        cls,
        files: Mapping[str, bytes],
        settings: Settings,
        config: bytes,
        places: Places = NOWHERE_ELSE,
    ) -> Bundle:
        """Of the files in force, by path."""
        parts = {part: _below(files, root) for part, root in _roots(settings).items()}
        return cls(config, **parts, places=places)

    @property
    def parts(self) -> dict[str, dict[str, bytes]]:
        return {part: getattr(self, part) for part in _FOLDERS}

    def encode(self, digest: str) -> bytes:
        """The file of the content `digest`."""
        placed, settling = dict(self.places.placed), self.places.settling
        files = _Files(digest, self.config, **self.parts, placed=placed, settling=settling)
        return seal(_BUNDLE, RULES_FORMAT, msgspec.msgpack.encode(files))

    @classmethod
    def decode(cls, data: bytes, digest: str) -> Bundle:
        """The inverse; raises SnapshotCorrupt, also for the file of another content."""
        try:
            raw = msgspec.msgpack.decode(unseal(_BUNDLE, RULES_FORMAT, data), type=_Files)
        except (msgspec.DecodeError, ValueError) as error:
            raise SnapshotCorrupt(f"no kept rules: {error}") from error
        if raw.digest != digest:
            raise SnapshotCorrupt(f"no kept rules: the file is of content {raw.digest}")
        parts = {part: getattr(raw, part) for part in _FOLDERS}
        bundle = cls(raw.config, **parts, places=Places(raw.placed, raw.settling))
        if not all(stays_inside(part, path) for part, files in bundle.parts.items() for path in files):
            raise SnapshotCorrupt("no kept rules: a path that leads elsewhere")
        return bundle

    def unfold(self, folder: Path) -> Path:
        """Write the files below `folder`; returns the path of the settings."""
        for part, files in self.parts.items():
            root = folder / _FOLDERS[part]
            root.mkdir(parents=True)
            for path, data in files.items():
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_bytes(data)
        (folder / "streamwatchd.yaml").write_bytes(self.config)
        return folder / "streamwatchd.yaml"

    def compile(self) -> Compiled:
        with TemporaryDirectory(prefix="streamwatchd-") as name:
            config = self.unfold(Path(name))
            at = {part: config.parent / folder for part, folder in _FOLDERS.items()}
            return compile_project(
                config,
                rules_dir=at["rules"],
                enrichment_dir=at["tables"],
                calendars_dir=at["calendars"],
                silences_dir=at["silences"],
                spoken=self.spoken,
                models=f"file://{at['models']}",
            )

    @property
    def spoken(self) -> bytes:
        """The silences that were said at run time, as `rules.silence_reader` reads them; empty for none."""
        return self.silences.get(SPOKEN, b"")

    def changed_since(self, before: Bundle) -> dict[str, list[str]]:
        """The files that were `added`, `edited` and `removed`, by the usual names of their folders; topics whose keys
        are `settling`, and those whose keys were `placed_anew`."""
        old, new = before._files(), self._files()
        found = {
            "added": [path for path in new if path not in old],
            "edited": [path for path in new if old.get(path, new[path]) != new[path]],
            "removed": [path for path in old if path not in new],
            "settling": [topic for topic in self.places.settling if topic not in before.places.settling],
            "placed_anew": [
                topic for topic, count in self.places.placed.items() if count != before.places.placed.get(topic)
            ],
        }
        return {what: sorted(paths) for what, paths in found.items() if paths}

    def _files(self) -> dict[str, bytes]:
        """But for the silences that were said, which are told one by one."""
        found = {"streamwatchd.yaml": self.config}
        for part, files in self.parts.items():
            found |= {f"{_FOLDERS[part]}/{path}": data for path, data in files.items() if path != SPOKEN}
        return found

    def last_good(self, settings: Settings) -> dict[str, bytes]:
        """By the paths that the files have in the project now."""
        roots = _roots(settings)
        return {str(roots[part] / path): data for part, files in self.parts.items() for path, data in files.items()}


def _roots(settings: Settings) -> dict[str, Path]:
    """Where the parts of a bundle come from."""
    return {
        "rules": settings.rules_dir,
        "tables": settings.enrichment_dir,
        "models": settings.models_root,
        "calendars": settings.calendars_dir,
        "silences": settings.silences_dir,
    }


def on_disk(settings: Settings, part: str, path: str) -> bytes | None:
    """What a file of a bundle says in the project now, or the copy of a table that was fetched; None where there is
    none."""
    whole = _roots(settings)[part] / path
    fetched = dict(copies(copies_dir(settings.state_dir), settings.enrichment_dir)) if part == "tables" else {}
    try:
        return fetched.get(str(whole), whole).read_bytes()
    except OSError:
        return None


def _below(files: Mapping[str, bytes], folder: Path) -> dict[str, bytes]:
    return {
        str(Path(path).relative_to(folder)): data for path, data in files.items() if Path(path).is_relative_to(folder)
    }


def _trusted(data: bytes) -> tuple[Version, ...]:
    try:
        return decode_versions(data)
    except SnapshotCorrupt as error:
        raise StateMismatch(f"the versions in the shared snapshot store can't be trusted: {error}") from error


def encode_versions(versions: Iterable[Version]) -> bytes:
    rows = [(each.number, each.at_ms, each.digest) for each in versions]
    return seal(_LIST, VERSIONS_FORMAT, msgspec.json.encode(rows))


def decode_versions(data: bytes) -> tuple[Version, ...]:
    """Raises SnapshotCorrupt for what is no list of versions that follow one another."""
    try:
        rows = msgspec.json.decode(unseal(_LIST, VERSIONS_FORMAT, data), type=list[tuple[int, int, str]])
    except (msgspec.DecodeError, ValueError) as error:
        raise SnapshotCorrupt(f"no list of versions: {error}") from error
    versions = tuple(Version(*row) for row in rows)
    if [each.number - versions[0].number for each in versions] != list(range(len(versions))):
        raise SnapshotCorrupt("no list of versions: numbers are missing")
    if not all(_DIGEST.fullmatch(each.digest) for each in versions):
        raise SnapshotCorrupt("no list of versions: no digests")
    return versions


class ContentStore:
    """The versions and contents of one state folder, with what was compiled of them.

    `elsewhere` is asked for what the folder has not, or has only spoilt: a file's name → its bytes, None where it is
    not either.
    """

    def __init__(
        self,
        disk: Disk,
        state_dir: Path,
        compile: Callable[[Bundle], Compiled] = Bundle.compile,
        elsewhere: Callable[[str], bytes | None] = lambda name: None,
        say: Callable[[str], None] = lambda note: None,
    ) -> None:
        """Raises StateMismatch when there is a list of versions, and none that can be read."""
        self._disk = disk
        self._state_dir = state_dir
        self._compile = compile
        self._elsewhere = elsewhere
        self._say = say
        self._compiled: dict[str, Content] = {}
        self._coming = ""
        self._listeners: list[Callable[[], None]] = []
        self.versions: tuple[Version, ...] = ()
        self.versions = self._read()

    def on_change(self, listener: Callable[[], None]) -> None:
        """Have it called whenever versions have come or gone."""
        self._listeners.append(listener)

    def _read(self) -> tuple[Version, ...]:
        problem: Exception | None = None
        for name in (_VERSIONS, _SECOND):
            try:
                data = self._disk.read(self._state_dir / name)
                if data is not None:
                    return decode_versions(data)
            except (SnapshotCorrupt, Unavailable) as error:
                problem = error
                self._say(f"{self._state_dir / name} can't be trusted ({error}); looking for another copy")
        data = self._elsewhere(_VERSIONS)
        if data is not None:
            return self._taken_over(_trusted(data))
        if problem is not None:
            raise StateMismatch(
                f"{self._state_dir / _VERSIONS} can't be read ({problem}), and there is no good copy: restore it, or "
                "move the state folder away to rebuild the state from what Kafka retains"
            )
        return ()

    def known_elsewhere(self) -> tuple[Version, ...]:
        """The versions of the shared store, none without one. Raises Unavailable, StateMismatch."""
        data = self._elsewhere(_VERSIONS)
        return () if data is None else _trusted(data)

    def _taken_over(self, versions: tuple[Version, ...]) -> tuple[Version, ...]:
        """From elsewhere into this folder, contents first."""
        for digest in dict.fromkeys(version.digest for version in versions):
            data = self._elsewhere(f"{_FOLDER}/{digest}")
            if data is not None:
                self._disk.write(self._path(digest), data)
        self._write(versions)
        self._say(f"{len(versions)} version(s) of the rules taken from the shared snapshot store")
        return versions

    def keep(self, content: Content, bundle: Bundle) -> None:
        """Have on disk what will be a version soon, so that this takes less time then. Raises Unavailable."""
        self._disk.write(self._path(content.digest), bundle.encode(content.digest))
        self._coming = content.digest

    def add(self, content: Content, bundle: Bundle, at_ms: int = BEGINNING) -> Version:
        """Put a new version in force from `at_ms` on; on disk when this returns. Raises Unavailable."""
        version = Version(self.versions[-1].number + 1 if self.versions else 0, at_ms, content.digest)
        if self._coming != content.digest:
            self.keep(content, bundle)
        self._coming = ""
        failpoint("version.stored")
        self._write((*self.versions, version))
        self._compiled[content.digest] = content
        return version

    def adopt(self, versions: Iterable[Version], bundles: Mapping[str, Bundle] = MappingProxyType({})) -> None:
        """Know these versions too: the journal has them, this folder lost them. `bundles` are those there are, by
        digest. Raises Unavailable; StateMismatch where the folder knows one of them as another."""
        mine = {each.number: each for each in self.versions}
        for each in versions:
            if mine.setdefault(each.number, each) != each:
                raise StateMismatch(
                    f"version {each.number} is content {each.digest} to the journal, {mine[each.number].digest} here"
                )
        for digest, bundle in bundles.items():
            self._disk.write(self._path(digest), bundle.encode(digest))
        wanted = tuple(mine[number] for number in sorted(mine))
        if wanted != self.versions:
            self._write(wanted)

    def content(self, digest: str) -> Content:
        """Compiled again where need be. Raises StateMismatch when it is kept no more, compiles no more, or comes to
        something else than when it was kept."""
        if digest not in self._compiled:
            bundle = self.bundle(digest)
            compiled = self._compile(bundle)
            content = content_of(compiled, bundle.places)
            if content is None:
                problems = "; ".join(each.message for each in compiled.loaded.diagnostics if each.is_error)
                raise StateMismatch(f"kept content {digest} does not compile any more: {problems}")
            if content.digest != digest:
                raise StateMismatch(
                    f"this version of streamwatchd makes another plan ({content.digest}) of the rules of content "
                    f"{digest} than the version that ran them, so what that one left in {self._state_dir} and in "
                    "Kafka can't be gone on with: install the version that ran last, or set another `app:` to begin "
                    "anew, without its open alarms and windows"
                )
            self._compiled[digest] = content
        return self._compiled[digest]

    def bundle(self, digest: str) -> Bundle:
        """Raises RulesLost when it is kept no more."""
        problem = f"are not in {self._state_dir}"
        for here in (True, False):
            try:
                data = self._disk.read(self._path(digest)) if here else self._elsewhere(f"{_FOLDER}/{digest}")
                if data is not None:
                    return Bundle.decode(data, digest)
            except (SnapshotCorrupt, Unavailable) as error:
                problem = f"can't be trusted ({error}) in {self._state_dir}"
                self._say(f"rules of content {digest} can't be read: {error}")
        raise RulesLost(
            f"rules of content {digest} are needed for a replay, but {problem}: check out the rules that ran then and "
            "start again, or restore a savepoint"
        )

    def changed_files(self, version: Version) -> dict[str, list[str]]:
        """Of a version against the one before it, as `Bundle.changed_since`; empty where one is kept no more."""
        before = next((each for each in self.versions if each.number == version.number - 1), None)
        with suppress(StateMismatch):
            if before is not None:
                return self.bundle(version.digest).changed_since(self.bundle(before.digest))
        return {}

    def lost(self) -> list[str]:
        """The contents of versions that are kept nowhere."""
        found: list[str] = []
        for digest in dict.fromkeys(version.digest for version in self.versions):
            try:
                self.bundle(digest)
            except RulesLost:
                found.append(digest)
        return found

    def demand_all(self) -> None:
        """Workers ask for the rules of every version. Raises StateMismatch, naming all that are kept nowhere."""
        lost: list[str] = []
        for digest in dict.fromkeys(version.digest for version in self.versions):
            try:
                self.content(digest)
            except RulesLost:
                lost.append(digest)
        if lost:
            raise RulesLost(
                f"rules of content {', '.join(map(self._when, lost))} are needed for a replay, but are neither in "
                f"{self._state_dir} nor in the journal topic. Either restore a savepoint that was taken since then "
                "(`--restore`, into an empty state folder). Or check out the rules that ran then, one after the other, "
                "and start with each: a start keeps its rules where they are such ones, also when it is refused; once "
                "all are there, start with today's. Which they were, tell their times: `git log --since … -- rules.d`, "
                "and the daemon's log (`rules_switched`)"
            )

    def _when(self, digest: str) -> str:
        """A content, with the versions that it was and their time."""
        times: list[str] = []
        for each in self.versions:
            if each.digest == digest:
                ends = [later.at_ms for later in self.versions if later.number == each.number + 1]
                since = "the beginning" if each.at_ms == BEGINNING else iso(each.at_ms)
                times.append(f"version {each.number}, from {since} to {iso(ends[0]) if ends else 'the end'}")
        return f"{digest} ({'; '.join(times)} of event time)"

    def keep_if_lost(self, content: Content, bundle: Bundle) -> None:
        """Have what the folder lost of a version again. Raises Unavailable."""
        if any(each.digest == content.digest for each in self.versions):
            try:
                self.bundle(content.digest)
            except RulesLost:
                self._disk.write(self._path(content.digest), bundle.encode(content.digest))

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
            if name not in digests and name != self._coming:
                self._disk.delete(self._path(name))

    def files(self) -> Iterator[tuple[str, bytes]]:
        """All that another host needs, by name below the state folder; the list of versions last."""
        versions = self.versions
        for digest in dict.fromkeys(version.digest for version in versions):
            data = self._disk.read(self._path(digest))
            if data is not None:
                yield f"{_FOLDER}/{digest}", data
        yield _VERSIONS, encode_versions(versions)

    def _write(self, versions: Iterable[Version]) -> None:
        """Both copies, or none: a version that nobody was told of must not be met at the next start."""
        kept, before = tuple(versions), self.versions
        try:
            self._disk.write(self._state_dir / _VERSIONS, encode_versions(kept))
            self._disk.write(self._state_dir / _SECOND, encode_versions(kept))
        except Unavailable:
            with suppress(Unavailable):
                self._disk.write(self._state_dir / _VERSIONS, encode_versions(before))
            raise
        self.versions = kept
        for listener in self._listeners:
            listener()

    def _path(self, digest: str) -> Path:
        return self._state_dir / _FOLDER / digest
