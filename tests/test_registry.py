"""Shelves."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from streamwatchd.registry import Shelf


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf[int]:
    package = tmp_path / "some_shelf"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "_base.py").write_text("raise RuntimeError('no component')")
    (package / "two.py").write_text("SPEC = 2")
    (package / "wrong.py").write_text("SPEC = 'text'")
    (package / "broken.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in sys.modules if name.startswith("some_shelf")]:
        monkeypatch.delitem(sys.modules, name)
    return Shelf("some_shelf", [str(package)], int)


def test_components_are_files_by_name(shelf: Shelf[int]) -> None:
    """Listing imports nothing, so a broken neighbour does no harm."""
    assert list(shelf) == ["broken", "two", "wrong"]
    assert len(shelf) == 3
    assert shelf["two"] == 2


def test_an_unknown_component_is_a_key_error(shelf: Shelf[int]) -> None:
    """Also for files that are no components."""
    for name in ("three", "_base"):
        with pytest.raises(KeyError):
            shelf[name]


def test_a_file_without_a_component_is_a_bug(shelf: Shelf[int]) -> None:
    """Found when it is looked up."""
    with pytest.raises(TypeError, match="wrong has no SPEC"):
        shelf["wrong"]
