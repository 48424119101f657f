"""Versions and the files they were compiled from."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamwatchd.compiler import compile_project
from streamwatchd.daemon.contents import Bundle, ContentStore, content_of
from streamwatchd.errors import StateMismatch
from streamwatchd.ports.fake_disk import FakeDisk
from streamwatchd.shard.version import Version
from tests.daemon.project import rule, write_project
from tests.shard.small import content

STATE = Path("/state")


def bundle(name: str) -> Bundle:
    return Bundle(b"", {f"{name}.yaml": b"x"}, {})


def test_versions_survive_a_restart() -> None:
    """In order, with their instants."""
    disk = FakeDisk()
    store = ContentStore(disk, STATE)
    first = store.add(content("a"), bundle("a"))
    second = store.add(content("b"), bundle("b"), at_ms=77)
    assert ContentStore(disk, STATE).versions == (first, second)
    assert second == Version(1, 77, "b")


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
    disk.write(STATE / "versions.json", b"[[0,")
    with pytest.raises(StateMismatch, match="can't be read"):
        ContentStore(disk, STATE)


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
    kept = Bundle.decode(Bundle.of(loaded.files, loaded.settings, config.read_bytes()).encode())
    assert kept.last_good(loaded.settings) == {str(tmp_path / "rules.d" / "a.yaml"): rule("one").encode()}
