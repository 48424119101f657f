"""Contents: on disk, and as they were."""

from __future__ import annotations

from pathlib import Path

from streamwatchd.diagnostics import Diagnostic
from streamwatchd.rules.files import Files, rule_paths, table_paths


def test_held_files_have_their_last_good_content() -> None:
    """Also those that the disk lost."""
    files = Files({"d/a": b"new"}, {"d/a": b"old", "d/b": b"gone", "e/c": b"x"})
    assert (files.content("d/a"), files.below(Path("d"))) == (b"new", ("d/a",))
    held = files.hold(frozenset({"d/a", "d/b"}))
    assert (held.content("d/a"), held.content("d/b"), held.below(Path("d"))) == (b"old", b"gone", ("d/a", "d/b"))


def test_a_change_is_a_difference_that_counts() -> None:
    """Edits, new files and removals, but not what is held."""
    files = Files({"a": b"1", "b": b"2", "c": b"3"}, {"a": b"1", "b": b"0", "gone": b"4"})
    assert [files.changed(path) for path in ("a", "b", "c", "gone")] == [False, True, True, True]
    assert not files.hold(frozenset({"b"})).changed("b")


def test_a_file_elsewhere_is_read_once(tmp_path: Path) -> None:
    """A table's data may lie outside the folder."""
    path = tmp_path / "x.csv"
    path.write_bytes(b"1")
    files = Files({}, {})
    assert files.content(str(path)) == b"1"
    path.write_bytes(b"2")
    assert files.content(str(path)) == b"1"
    assert isinstance(files.content(str(tmp_path / "none")), Diagnostic)


def test_which_files_count(tmp_path: Path) -> None:
    """Rules at any depth; tables in their folder."""
    for name in (
        "a.yaml",
        "deep/er/b.yml",
        "a_test.yaml",
        ".hidden.yaml",
        ".git/c.yaml",
        "t.csv",
        "deep/u.csv",
        "x.txt",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert [Path(path).name for path in rule_paths(tmp_path)] == ["a.yaml", "b.yml"]
    assert [Path(path).name for path in table_paths(tmp_path, (".csv",))] == ["a.yaml", "a_test.yaml", "t.csv"]
    assert table_paths(tmp_path / "none", (".csv",)) == rule_paths(tmp_path / "none") == ()
