"""Versions and the files they were compiled from."""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from streamwatchd.compiler import compile_project
from streamwatchd.daemon.contents import Bundle, ContentStore, content_of
from streamwatchd.daemon.places import Places
from streamwatchd.errors import SnapshotCorrupt, StateMismatch, Unavailable
from streamwatchd.ports.disk import RealDisk
from streamwatchd.ports.fake_disk import FakeDisk, full
from streamwatchd.repository.store import SHADOW, ModelStore, Status
from streamwatchd.rules.silence_reader import SPOKEN
from streamwatchd.shard.version import BEGINNING, Content, Version
from tests.daemon.project import rule, write_project
from tests.models.stump import put_stump
from tests.shard.small import content

STATE = Path("/state")
ODD = """
source: events
every: 1m
rules:
  - {anomaly: odd, by: k, model: mix, values: {n: count()}, features: [n], when: score > 0.9}
"""


def bundle(name: str) -> Bundle:
    return Bundle(b"", {f"{name}.yaml": b"x"}, {})


def test_where_keys_lie_is_part_of_a_content(tmp_path: Path) -> None:
    """Of a topic that is read; it comes back with the files, and a version says which topics it is about."""
    compiled = compile_project(write_project(tmp_path, {"a.yaml": rule("one")}))
    assert compiled.loaded.settings is not None
    before, after = content_of(compiled), content_of(compiled, Places({"in": 6}))
    assert before is not None
    assert after is not None
    assert content_of(compiled, Places({"elsewhere": 6}, ("elsewhere",))) == before
    assert before.digest != after.digest
    assert after.program.plan.placed == {"in": 6}
    files = compiled.loaded.files
    first, moved = (Bundle.of(files, compiled.loaded.settings, b"", places) for places in (Places(), Places({"in": 6})))
    store = ContentStore(FakeDisk(), STATE, lambda bundle: compiled)
    store.add(before, first)
    version = store.add(after, moved, at_ms=77)
    assert store.changed_files(version) == {"placed_anew": ["in"]}
    again = ContentStore(store._disk, STATE, lambda bundle: compiled)
    assert again.content(version.digest) == after


def test_versions_survive_a_restart() -> None:
    """In order, with their instants."""
    disk = FakeDisk()
    store = ContentStore(disk, STATE)
    first = store.add(content("a"), bundle("a"))
    second = store.add(content("b"), bundle("b"), at_ms=77)
    assert ContentStore(disk, STATE).versions == (first, second)
    assert second == Version(1, 77, "b")


def test_a_version_says_which_files_it_changes() -> None:
    """Against the one before; silences that were said are told one by one. Without that one it says nothing."""
    store = ContentStore(FakeDisk(), STATE)
    before = Bundle(b"x", {"a.yaml": b"1", "b.yaml": b"1"}, {"devices.csv": b"1"}, silences={SPOKEN: b"1"})
    after = Bundle(b"x", {"a.yaml": b"2", "net/c.yaml": b"1"}, {"devices.csv": b"2"}, silences={SPOKEN: b"2"})
    first, second = store.add(content("a"), before), store.add(content("b"), after, at_ms=77)
    assert store.changed_files(second) == {
        "added": ["rules.d/net/c.yaml"],
        "edited": ["enrichment.d/devices.csv", "rules.d/a.yaml"],
        "removed": ["rules.d/b.yaml"],
    }
    assert store.changed_files(first) == {}
    assert Bundle(b"y", {}, {}).changed_since(Bundle(b"x", {}, {})) == {"edited": ["streamwatchd.yaml"]}


def test_rules_that_are_kept_nowhere_are_named_with_a_way_out() -> None:
    """Of any version, as a worker asks for all of them."""
    disk = FakeDisk()
    store = ContentStore(disk, STATE)
    store.add(content("a"), bundle("a"))
    store.demand_all()
    store.adopt([*store.versions, Version(1, 77, "b")])
    with pytest.raises(StateMismatch, match=r"content b .* check out the rules that ran then"):
        store.demand_all()


def compiled(name: str) -> tuple[Content, Bundle]:
    config = b"kafka: {bootstrap.servers: '127.0.0.1:1'}\nsources: {events: {topic: in, time: t, key: k}}\n"
    bundle = Bundle(config, {"a.yaml": rule(name).encode()}, {})
    found = content_of(bundle.compile())
    assert found is not None
    return found, bundle


def test_all_rules_that_were_lost_are_named_with_their_times() -> None:
    """As versions of the journal topic tell them; each start adds those that it has, until none is missing."""
    disk = FakeDisk()
    store = ContentStore(disk, STATE)
    rules = [compiled(name) for name in ("one", "two", "three")]
    a, b, c = (each.digest for each, _ in rules)
    store.adopt([Version(0, BEGINNING, a), Version(1, 1_767_571_200_000, b), Version(2, 1_767_571_260_000, c)])
    store.keep_if_lost(*rules[2])
    with pytest.raises(StateMismatch) as refused:
        store.demand_all()
    assert f"{a} (version 0, from the beginning to 2026-01-05T00:00:00.000Z of event time)" in str(refused.value)
    assert f"{b} (version 1, from 2026-01-05T00:00:00.000Z to 2026-01-05T00:01:00.000Z of" in str(refused.value)
    assert c not in str(refused.value)
    for each in (*rules, compiled("other")):
        store.keep_if_lost(*each)
    assert disk.list(STATE / "content") == sorted((a, b, c))
    ContentStore(disk, STATE).demand_all()


@pytest.mark.parametrize("number", range(1, 8))
@pytest.mark.parametrize("point", ["disk.write", "disk.write.done"])
def test_after_a_failed_write_memory_and_disk_say_the_same(number: int, point: str) -> None:
    """An error may come after the file has its new name: what the next start would find is what counts."""
    disk = FakeDisk()
    store = ContentStore(disk, STATE)
    store.add(content("a"), bundle("a"))
    disk.faults.at(number, lambda: Unavailable("I/O error"), point=point)
    for at_ms in range(10, 100, 10):
        with suppress(Unavailable):
            store.add(content("b"), bundle("b"), at_ms=at_ms)
        assert ContentStore(disk, STATE).versions == store.versions


def test_what_nothing_needs_any_more_goes() -> None:
    """Contents of kept versions stay, also when an older version had the same."""
    disk = FakeDisk()
    store = ContentStore(disk, STATE)
    for name in ("a", "b", "a"):
        store.add(content(name), bundle(name))
    store.prune(oldest=2)
    assert [version.number for version in store.versions] == [2]
    assert disk.list(STATE / "content") == ["a"]
    store.prune(oldest=9)
    assert [version.number for version in store.versions] == [2]


def test_content_that_is_gone_is_named() -> None:
    """A replay that needs it is refused."""
    with pytest.raises(StateMismatch, match="abc are needed"):
        ContentStore(FakeDisk(), STATE).content("abc")


def test_a_spoilt_list_is_refused() -> None:
    """Starting without it would replay under wrong rules."""
    disk = FakeDisk()
    disk.write(STATE / "versions", b"[[0,")
    disk.write(STATE / "versions.second", b"")
    with pytest.raises(StateMismatch, match="can't be read"):
        ContentStore(disk, STATE)


@pytest.mark.parametrize("name", ["versions", "versions.second"])
def test_one_spoilt_list_is_no_harm(name: str) -> None:
    """There are two, and it is said."""
    disk, notes = FakeDisk(), list[str]()
    ContentStore(disk, STATE).add(content("a"), bundle("a"))
    disk.files[STATE / name] = disk.files[STATE / name][:-1]
    found = ContentStore(disk, STATE, say=notes.append)
    assert [version.digest for version in found.versions] == ["a"]
    assert bool(notes) == (name == "versions")


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("point", ["disk.write", "disk.write.done"])
def test_a_version_that_could_not_be_kept_is_in_no_list(point: str, n: int) -> None:
    """At whatever call the disk refuses, the next start does not meet it."""
    disk = FakeDisk()
    store = ContentStore(disk, STATE)
    store.add(content("a"), bundle("a"))
    disk.faults.at(n, full, point=point)
    with pytest.raises(Unavailable):
        store.add(content("b"), bundle("b"), at_ms=5)
    assert [each.digest for each in store.versions] == ["a"]
    assert [each.digest for each in ContentStore(disk, STATE).versions] == ["a"]


def test_spoilt_rules_are_not_run() -> None:
    """Another copy is asked for; without one a replay that needs them is refused, with the reason."""
    disk = FakeDisk()
    store = ContentStore(disk, STATE)
    store.add(content("a"), bundle("a"))
    good = disk.files[STATE / "content" / "a"]
    disk.files[STATE / "content" / "a"] = good[:-1] + b"!"
    with pytest.raises(StateMismatch, match="checksum"):
        ContentStore(disk, STATE).bundle("a")
    again = ContentStore(disk, STATE, elsewhere=lambda name: good if name == "content/a" else None)
    assert again.bundle("a").rules == {"a.yaml": b"x"}


def test_rules_of_another_content_are_not_run() -> None:
    """A file under a wrong name would replay the past under other rules."""
    disk = FakeDisk()
    store = ContentStore(disk, STATE)
    for name in "ab":
        store.add(content(name), bundle(name))
    disk.files[STATE / "content" / "a"] = disk.files[STATE / "content" / "b"]
    with pytest.raises(StateMismatch, match="is of content b"):
        ContentStore(disk, STATE).bundle("a")


def test_kept_paths_lead_nowhere_else() -> None:
    """A file of the shared store may have been written by anybody."""
    for path in ("/etc/passwd", "../up.yaml", "a/../../up.yaml"):
        with pytest.raises(SnapshotCorrupt, match="elsewhere"):
            Bundle.decode(Bundle(b"", {path: b""}, {}).encode("a"), "a")


def test_old_rules_compile_again_after_a_restart(tmp_path: Path) -> None:
    """From the kept files, though those on disk have changed since."""
    config = write_project(tmp_path, {"a.yaml": rule("one")})
    compiled = compile_project(config)
    assert compiled.loaded.settings is not None
    before = content_of(compiled)
    assert before is not None
    disk = FakeDisk()
    kept = Bundle.of(compiled.loaded.files, compiled.loaded.settings, config.read_bytes())
    ContentStore(disk, STATE).add(before, kept)
    write_project(tmp_path, {"a.yaml": rule("two")})
    again = ContentStore(disk, STATE).content(before.digest)
    assert again.digest == before.digest
    assert again.inputs == before.inputs


def test_rules_of_which_a_new_version_makes_another_plan_are_not_run(tmp_path: Path) -> None:
    """Their state is by other names: what does not fit would be left out without a word."""
    compiled = compile_project(write_project(tmp_path, {"a.yaml": rule("one")}))
    program, settings = compiled.program, compiled.loaded.settings
    assert program is not None
    assert settings is not None
    old = content_of(replace(compiled, program=replace(program, digest="as it was once")))
    assert old is not None
    disk = FakeDisk()
    kept = Bundle.of(compiled.loaded.files, settings, (tmp_path / "streamwatchd.yaml").read_bytes())
    ContentStore(disk, STATE).add(old, kept)
    with pytest.raises(StateMismatch, match=r"another plan .* of the rules of content .* set another `app:`"):
        ContentStore(disk, STATE).content(old.digest)


def test_content_is_named_by_meaning(tmp_path: Path) -> None:
    """A comment changes nothing, a rule does."""
    plain = content_of(compile_project(write_project(tmp_path, {"a.yaml": rule("one")})))
    comment = content_of(compile_project(write_project(tmp_path, {"a.yaml": "# why\n" + rule("one")})))
    other = content_of(compile_project(write_project(tmp_path, {"a.yaml": rule("two")})))
    assert plain is not None
    assert comment is not None
    assert other is not None
    assert plain.digest == comment.digest != other.digest


def test_last_good_files_have_their_present_paths(tmp_path: Path) -> None:
    """So that they can take the place of what is refused."""
    config = write_project(tmp_path, {"a.yaml": rule("one")})
    loaded = compile_project(config).loaded
    assert loaded.settings is not None
    files = Bundle.of(loaded.files, loaded.settings, config.read_bytes()).encode("a")
    kept = Bundle.decode(files, "a")
    assert kept.last_good(loaded.settings) == {str(tmp_path / "rules.d" / "a.yaml"): rule("one").encode()}


def test_the_models_that_scored_are_kept_with_the_rules(tmp_path: Path) -> None:
    """A replay finds them, and the one on trial, though the repository has lost them or has newer ones."""
    config = write_project(tmp_path / "project", {"odd.yaml": ODD})
    put_stump(config.parent / "models", "mix", "n")
    compiled = compile_project(config)
    settings, first = compiled.loaded.settings, content_of(compiled)
    assert settings is not None
    assert first is not None
    assert first.program.plan.models["odd"].manifest.id == "mix@1"
    put_stump(config.parent / "models", "mix", "n", version=2)
    ModelStore(RealDisk(), config.parent / "models").set_status("mix", 2, Status(SHADOW))
    compiled = compile_project(config)
    first = content_of(compiled)
    assert first is not None
    kept = Bundle.of(compiled.loaded.files, settings, config.read_bytes())
    put_stump(config.parent / "models", "mix", "n", version=3)
    newer = content_of(compile_project(config))
    assert newer is not None
    assert newer.digest != first.digest
    again = content_of(Bundle.decode(kept.encode("d"), "d").compile())
    assert again is not None
    assert (again.digest, again.program.plan.models["odd"].manifest.id) == (first.digest, "mix@1")
    shutil.rmtree(config.parent / "models")
    lost = content_of(compile_project(config, last_good=kept.last_good(settings)))
    assert lost is not None
    assert lost.digest == first.digest
