"""Where copies of fetched tables lie, and which of them count."""

from __future__ import annotations

from pathlib import Path

from streamwatchd.enrichment.fetched import copies, copies_dir, copy_path


def test_copies_have_a_place_among_the_projects_files(tmp_path: Path) -> None:
    """Below the tables' folder, wherever they really are; rows that were kept there win."""
    state, tables = tmp_path / "state", tmp_path / "enrichment.d"
    assert list(copies(copies_dir(state), tables)) == []
    copy = copy_path(state, "devices")
    copy.parent.mkdir(parents=True)
    copy.write_text("{}")
    place = str(tables / ".fetched" / "devices.ndjson")
    assert list(copies(copies_dir(state), tables)) == [(place, copy)]
    (tables / ".fetched").mkdir(parents=True)
    assert list(copies(copies_dir(state), tables)) == []
    Path(place).write_text("{}")
    assert list(copies(copies_dir(state), tables)) == [(place, Path(place))]
