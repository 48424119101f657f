"""Rules and tables from disk while the daemon runs: noticed, compiled aside, proposed.

A watcher is only a hint: it can miss events (overflow, renames, network file systems), so all files are hashed again
now and then, and on SIGHUP. A file that does not check is refused alone; its last good version stays in force.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from streamwatchd.compiler import Compiled
from streamwatchd.daemon.changes import Proposal
from streamwatchd.daemon.contents import Bundle, content_of
from streamwatchd.daemon.folder_watch import FolderWatch
from streamwatchd.daemon.logs import Log
from streamwatchd.daemon.metrics import Metrics
from streamwatchd.daemon.pending_settings import PendingSettings
from streamwatchd.daemon.places import Places
from streamwatchd.diagnostics import render
from streamwatchd.enrichment.fetched import copies_dir
from streamwatchd.errors import Unavailable
from streamwatchd.ports.open_files import open_files
from streamwatchd.ports.telemetry import Labels
from streamwatchd.repository.catalog import Catalog
from streamwatchd.rules import codes
from streamwatchd.rules.loader import Loaded
from streamwatchd.settings import Settings


class Project:
    """Where a project's files are. The configuration is among them to see its edits; they count with a restart only."""

    def __init__(self, config: Path, settings: Settings, places: Callable[[], Places] = Places) -> None:
        """`places` are counted with the files: where keys lie now."""
        self.config, self._settings = config, settings
        self.rules_dir, self.enrichment_dir = settings.rules_dir, settings.enrichment_dir
        self._copies = copies_dir(settings.state_dir)
        self.calendars_dir, self.silences_dir = settings.calendars_dir, settings.silences_dir
        self._places = places
        self._models = ""

    def fingerprint(self) -> str:
        """The hash of all paths and contents; files that can't be read count as what they are: unreadable."""
        total = sha256()
        for paths in ([self.config], *(folder.rglob("*") for folder in (*self._own, self._copies))):
            for path in sorted(paths):
                total.update(str(path).encode())
                try:
                    total.update(sha256(path.read_bytes()).digest() if path.is_file() else b"-")
                except OSError as error:
                    total.update(str(error.errno).encode())
        total.update(self._of_models().encode())
        total.update(repr(self._places()).encode())
        return total.hexdigest()

    def _of_models(self) -> str:
        """While the repository does not answer it counts as it was."""
        try:
            files, root = open_files(self._settings.models, self._settings.snapshot_store_options)
            self._models = Catalog(files, root).fingerprint()
        except Unavailable:
            pass
        return self._models

    @property
    def folders(self) -> tuple[Path, ...]:
        """Those on this machine, there or not yet."""
        models = (self._settings.models_root,) if self._settings.models.startswith("file:") else ()
        return (*self._own, *models)

    @property
    def _own(self) -> tuple[Path, ...]:
        return self.rules_dir, self.enrichment_dir, self.calendars_dir, self.silences_dir


class Refusals:
    """Tells what is new: a finding is logged once, not at every compilation."""

    def __init__(self, log: Log, metrics: Metrics) -> None:
        self._log = log
        self._metrics = metrics
        self._known: set[str] = set()
        self.refused: tuple[str, ...] = ()

    def tell(self, compiled: Compiled) -> None:
        loaded = compiled.loaded
        findings = {render(each): each for each in loaded.diagnostics}
        for text, each in findings.items():
            if text not in self._known:
                say = self._log.error if each.is_error else self._log.warning
                what = "model" if each.code in codes.OF_MODELS else "rule"
                say(f"{what}_refused" if each.is_error else f"{what}_questioned", code=each.code, diagnostic=text)
        self._known = set(findings)
        for path in sorted(set(loaded.refused) - set(self.refused)):
            self._log.error("file_refused", path=path, in_force=_in_force(path, loaded))
        for path in sorted(set(self.refused) - set(loaded.refused)):
            self._log.info("file_accepted", path=path)
        self.refused = tuple(loaded.refused)
        self._metrics.put("refused_files", len(loaded.refused))
        models = {each.rule for each in loaded.diagnostics if each.is_error and each.code in codes.OF_MODELS}
        self._metrics.put_all("refused_model", {(("rule", rule),): 1 for rule in models})
        self._metrics.put_all("refused_file", {_labels(path, loaded): 1 for path in loaded.refused})


def _labels(path: str, loaded: Loaded) -> Labels:
    return (("file", path), ("in_force", _in_force(path, loaded)))


def _in_force(path: str, loaded: Loaded) -> str:
    """What is, of a file that is refused."""
    return "last good version" if path in loaded.files else "nothing"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a compilation. `digest` is of the content that shall run, empty when the old one stays because
    nothing else would be left, compiling failed, or Kafka did not answer; `problem` says which. `refused` are the files
    refused."""

    digest: str
    refused: tuple[str, ...]
    problem: str = ""


class Reloader:
    """`check` compiles when something changed; `watch` calls it in a thread."""

    def __init__(
        self,
        project: Project,
        compile: Callable[[Mapping[str, bytes]], Compiled],
        last_good: Mapping[str, bytes],
        bundle: Callable[[Mapping[str, bytes]], Bundle],
        propose: Callable[[Proposal], None],
        refusals: Refusals,
        pending: PendingSettings,
        log: Log,
        metrics: Metrics,
    ) -> None:
        """`compile` takes the last good files, which `last_good` are by now; `bundle` packs those in force."""
        self._project = project
        self._compile = compile
        self.last_good = dict(last_good)
        self._bundle = bundle
        self._propose = propose
        self._refusals = refusals
        self._pending = pending
        self._log = log
        self._metrics = metrics
        self._seen = project.fingerprint()
        self._is_postponed = False
        self._hint = threading.Event()
        self._closed = False
        self._asked = 0
        self._answered = 0
        self._outcome = Outcome("", ())
        self._answering = threading.Condition()

    def check(self, force: bool = False) -> bool:
        """Compile if files changed since the last call, if what came of that could not be proposed, or if forced; True
        when it compiled."""
        seen = self._project.fingerprint()
        if seen == self._seen and not force and not self._is_postponed:
            return False
        self._seen = seen
        self._outcome = self._compile_and_propose()
        return True

    def _compile_and_propose(self) -> Outcome:
        self._is_postponed = False
        try:
            self._pending.look()
            compiled = self._compile(self.last_good)
        except Exception as error:
            self._metrics.add("reloads_failed_total")
            self._log.error("reload_crashed", exc_info=True)
            return Outcome("", (), f"compiling crashed, a bug: {error!r}; the daemon's log has the traceback")
        self._metrics.add("reloads_total")
        self._refusals.tell(compiled)
        bundle, refused = self._bundle(compiled.loaded.files), tuple(compiled.loaded.refused)
        content = content_of(compiled, bundle.places)
        if content is None:
            reason = "nothing would be left to run; the rules in force stay"
            self._log.error("reload_refused", reason=reason)
            return Outcome("", refused, reason)
        self.last_good = dict(compiled.loaded.files)
        self._log.info("rules_compiled", content=content.digest, refused=len(refused))
        try:
            self._propose(Proposal(content, bundle))
        except Unavailable as error:
            self._is_postponed = True
            self._log.error("change_postponed", reason=str(error))
            return Outcome("", refused, f"postponed, and tried again: {error}")
        return Outcome(content.digest, refused)

    def hint(self) -> None:
        """Something may have changed."""
        self._hint.set()

    def force(self) -> int:
        """Compile anyway, soon; gives a number for `outcome`."""
        with self._answering:
            self._asked += 1
            number = self._asked
        self._hint.set()
        return number

    def outcome(self, number: int, timeout_s: float) -> Outcome | None:
        """What came of the compilation that `force` asked for; None while it is not done after `timeout_s`."""
        with self._answering:
            done = self._answering.wait_for(lambda: self._answered >= number, timeout_s)
            return self._outcome if done else None

    def watch(self, debounce_s: float = 0.2, rescan_s: float = 30.0) -> None:
        """Run in threads until `close`."""
        self._pending.look()
        self._watch = FolderWatch(self.hint, self._project.config, lambda: self._project.folders)
        self._thread = threading.Thread(target=self._loop, args=(debounce_s, rescan_s), name="reloader", daemon=True)
        self._thread.start()

    def _loop(self, debounce_s: float, rescan_s: float) -> None:
        while not self._closed:
            self._hint.wait(rescan_s)
            while self._hint.is_set() and not self._closed:
                self._hint.clear()
                self._hint.wait(debounce_s)
            if not self._closed:
                self._serve()

    def _serve(self) -> None:
        asked = self._asked
        self._watch.follow()
        self.check(force=asked > self._answered)
        with self._answering:
            self._answered = asked
            self._answering.notify_all()

    def close(self) -> None:
        self._closed = True
        self._hint.set()
        self._watch.close()
        self._thread.join(timeout=5)
