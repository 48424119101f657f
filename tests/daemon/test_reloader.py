"""Reloading: what is noticed, what is refused alone."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from streamwatchd.compiler import Compiled, compile_project
from streamwatchd.daemon.changes import Proposal
from streamwatchd.daemon.contents import Bundle
from streamwatchd.daemon.metrics import Metrics
from streamwatchd.daemon.pending_settings import PendingSettings
from streamwatchd.daemon.places import Places
from streamwatchd.daemon.reloader import Project, Refusals, Reloader
from streamwatchd.errors import Unavailable
from streamwatchd.ports.disk import RealDisk
from streamwatchd.repository.store import WITHDRAWN, ModelStore, Status
from tests.daemon.project import ListLog, rule, write_project
from tests.models.stump import put_stump


class Setting:
    """A project with two rule files, both good."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "rules.d"
        self.config = write_project(folder, {"a.yaml": rule("one"), "b.yaml": rule("two")})
        first = compile_project(self.config)
        assert first.loaded.settings is not None
        self.settings = first.loaded.settings
        self.log, self.metrics = ListLog(), Metrics()
        self.proposals: list[Proposal] = []
        self.is_kafka_away = False
        self.places = Places()
        project = Project(self.config, self.settings, lambda: self.places)
        refusals = Refusals(self.log, self.metrics)
        refusals.tell(first)
        self.pending = PendingSettings(self.config, self.config.read_bytes(), self.log, self.metrics)
        self.reloader = Reloader(
            project,
            self.compile,
            first.loaded.files,
            self.bundle,
            self.propose,
            refusals,
            self.pending,
            self.log,
            self.metrics,
        )

    def compile(self, last_good: Mapping[str, bytes]) -> Compiled:
        return compile_project(
            self.config,
            rules_dir=self.settings.rules_dir,
            enrichment_dir=self.settings.enrichment_dir,
            last_good=last_good,
        )

    def propose(self, proposal: Proposal) -> None:
        if self.is_kafka_away:
            raise Unavailable("no broker answers")
        self.proposals.append(proposal)

    def bundle(self, files: Mapping[str, bytes]) -> Bundle:
        return Bundle.of(files, self.settings, b"", self.places)

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)


def test_nothing_changed_nothing_done(tmp_path: Path) -> None:
    """A rescan costs hashes only; a forced one compiles."""
    setting = Setting(tmp_path)
    assert not setting.reloader.check()
    assert setting.reloader.check(force=True)


def test_a_good_change_is_proposed(tmp_path: Path) -> None:
    """With the files it was compiled from."""
    setting = Setting(tmp_path)
    setting.write("a.yaml", rule("one_more"))
    assert setting.reloader.check()
    assert setting.proposals[-1].bundle.rules["a.yaml"] == rule("one_more").encode()


def test_keys_that_lie_elsewhere_are_a_change_too(tmp_path: Path) -> None:
    """Though no file has changed."""
    setting = Setting(tmp_path)
    setting.places = Places({"in": 6})
    assert setting.reloader.check()
    assert setting.proposals[-1].content.program.plan.placed == {"in": 6}
    assert not setting.reloader.check()


def test_what_could_not_be_proposed_is_tried_again(tmp_path: Path) -> None:
    """At the next look, though no file has changed since; it is not forgotten until somebody edits."""
    setting = Setting(tmp_path)
    setting.is_kafka_away = True
    setting.write("a.yaml", rule("one_more"))
    assert setting.reloader.check()
    assert setting.reloader.check()
    assert setting.log.lines[-1] == ("error", "change_postponed", {"reason": "no broker answers"})
    setting.is_kafka_away = False
    assert setting.reloader.check()
    assert len(setting.proposals) == 1
    assert not setting.reloader.check()


def test_a_bad_file_is_refused_alone(tmp_path: Path) -> None:
    """Its last good version stays in force, the other file's change comes in, and the diagnostic is logged once."""
    setting = Setting(tmp_path)
    setting.write("a.yaml", "rules:\n  - kpi: [\n")
    setting.write("b.yaml", rule("two_more"))
    setting.reloader.check()
    rules = setting.proposals[-1].bundle.rules
    assert rules == {"a.yaml": rule("one").encode(), "b.yaml": rule("two_more").encode()}
    assert "streamwatchd_refused_files 1\n" in setting.metrics.render(0)
    assert 'a.yaml",in_force="last good version"} 1\n' in setting.metrics.render(0)
    refused = [fields for _, event, fields in setting.log.lines if event == "file_refused"]
    assert [Path(each["path"]).name for each in refused] == ["a.yaml"]
    assert refused[0]["in_force"] == "last good version"
    diagnostics = [fields["diagnostic"] for _, event, fields in setting.log.lines if event == "rule_refused"]
    assert "a.yaml:" in diagnostics[0]
    before = len(setting.log.lines)
    setting.reloader.check(force=True)
    assert [event for _, event, _ in setting.log.lines[before:]] == ["rules_compiled"]


def test_an_edit_of_what_all_files_share_is_one_change(tmp_path: Path) -> None:
    """All rules that take it over change in one proposal, which has one instant; a broken one changes none of them."""
    setting = Setting(tmp_path)
    setting.write("shared.yaml", "labels: {team: noc}\n")
    setting.reloader.check()
    (proposal,) = setting.proposals
    assert proposal.bundle.rules.keys() == {"a.yaml", "b.yaml", "shared.yaml"}
    compiled = setting.compile(setting.reloader.last_good)
    assert {rule.name: rule.labels for rule in compiled.loaded.ruleset.rules} == {
        "one": {"team": "noc"},
        "two": {"team": "noc"},
    }
    for broken in ("labels: {team: dba\n", "labels: {team: dba}\nsource: nowhere\ntimezone: Nowhere\nwat: 5\n"):
        setting.write("shared.yaml", broken)
        setting.reloader.check()
        assert setting.proposals[-1].content.digest == proposal.content.digest
        assert setting.reloader.last_good == compiled.loaded.files
    (setting.folder / "shared.yaml").unlink()
    setting.reloader.check()
    assert setting.proposals[-1].bundle.rules.keys() == {"a.yaml", "b.yaml"}


def test_a_mended_file_is_taken_back(tmp_path: Path) -> None:
    """And said so."""
    setting = Setting(tmp_path)
    setting.write("a.yaml", "rules: [")
    setting.reloader.check()
    setting.write("a.yaml", rule("one_more"))
    setting.reloader.check()
    assert "file_accepted" in setting.log.events()
    assert "streamwatchd_refused_files 0\n" in setting.metrics.render(0)
    assert setting.proposals[-1].bundle.rules["a.yaml"] == rule("one_more").encode()


def test_an_edit_of_the_settings_is_seen(tmp_path: Path) -> None:
    """At the next look, as it waits for a restart; also one that was made before the watching began."""
    setting = Setting(tmp_path)
    setting.config.write_text(setting.config.read_text() + "shards: 3\n")
    assert setting.reloader.check()
    assert setting.pending.sentences() == ("shards: 2 → 3",)
    late = Setting(tmp_path)
    late.config.write_text(late.config.read_text() + "shards: 4\n")
    late.reloader.watch(rescan_s=60.0)
    late.reloader.close()
    assert late.pending.sentences() == ("shards: 2 → 4",)


def test_a_crash_in_compilation_is_survived(tmp_path: Path) -> None:
    """A bug there must not end the reloading for good."""
    setting = Setting(tmp_path)

    def crash(last_good: Mapping[str, bytes]) -> Compiled:
        raise RecursionError

    setting.reloader._compile = crash  # type: ignore[method-assign]
    setting.write("a.yaml", rule("x"))
    assert setting.reloader.check()
    assert "reload_crashed" in setting.log.events()


def test_changes_on_disk_are_noticed(tmp_path: Path) -> None:
    """By the watcher, without a rescan; several writes in a row are one compilation."""
    setting = Setting(tmp_path)
    setting.reloader.watch(debounce_s=0.05, rescan_s=60.0)
    try:
        for n in range(5):
            setting.write("a.yaml", rule(f"one{n}"))
        deadline = time.monotonic() + 10
        while not setting.proposals and time.monotonic() < deadline:
            time.sleep(0.01)
    finally:
        setting.reloader.close()
    assert setting.proposals[-1].bundle.rules["a.yaml"] == rule("one4").encode()
    assert len(setting.proposals) <= 2


def test_what_the_watcher_misses_the_rescan_finds(tmp_path: Path) -> None:
    """Every so often all files are hashed again."""
    setting = Setting(tmp_path)
    setting.reloader.hint = lambda: None  # type: ignore[method-assign]
    setting.reloader.watch(debounce_s=0.01, rescan_s=0.05)
    try:
        setting.write("a.yaml", rule("one_more"))
        deadline = time.monotonic() + 10
        while not setting.proposals and time.monotonic() < deadline:
            time.sleep(0.01)
    finally:
        setting.reloader.close()
    assert setting.proposals


def test_a_new_version_of_a_model_is_noticed(tmp_path: Path) -> None:
    """And one that is withdrawn; a repository that is not there counts as it was."""
    setting = Setting(tmp_path)
    models = tmp_path / "models"
    assert not setting.reloader.check()
    put_stump(models, "mix", "n")
    assert setting.reloader.check()
    assert not setting.reloader.check()
    ModelStore(RealDisk(), models).set_status("mix", 1, Status(WITHDRAWN))
    assert setting.reloader.check()
