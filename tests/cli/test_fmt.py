"""`swctl fmt`; what it prints stands in tests/cases/cli/090_fmt.txt."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamwatchd.cli import fmt
from tests.cli.small import copy, swctl
from tests.models.stump import put_stump

UGLY = "source: web\nrules: [{alarm: b, by: shop, when: status>=500 AND page = 'home'}]   # why\n"
PRETTY = 'source: web\nrules: [{alarm: b, by: shop, when: status >= 500 and page == "home"}]   # why\n'


@pytest.fixture
def config(tmp_path: Path) -> Path:
    config = copy(tmp_path)
    (tmp_path / "rules.d" / "b.yaml").write_text(UGLY)
    return config


def test_it_writes_what_means_the_same_and_then_has_nothing_to_do(config: Path) -> None:
    """The mode of the file stays, and nothing is left beside it."""
    path = config.parent / "rules.d" / "b.yaml"
    path.chmod(0o640)
    assert swctl("fmt", "--config", config, "--check").exit_code == 1
    assert path.read_text() == UGLY
    assert swctl("fmt", "--config", config).exit_code == 0
    assert path.read_text() == PRETTY
    assert path.stat().st_mode & 0o777 == 0o640
    assert sorted(each.name for each in path.parent.iterdir()) == ["b.yaml", "shop.yaml", "shop_test.yaml"]
    assert swctl("fmt", "--config", config, "--check").exit_code == 0


def test_a_shared_file_of_comments_is_fine(config: Path) -> None:
    """It has nothing to format."""
    (config.parent / "rules.d" / "shared.yaml").write_text("# nothing yet\n")
    assert swctl("fmt", "--config", config).exit_code == 0
    assert swctl("fmt", "--config", config, "--check").exit_code == 0


def test_a_difference_is_shown_and_not_written(config: Path) -> None:
    """As a unified diff."""
    result = swctl("fmt", "--config", config, "--diff")
    assert result.exit_code == 1
    assert f"-{UGLY.splitlines()[1]}\n+{PRETTY.splitlines()[1]}\n" in result.stdout
    assert (config.parent / "rules.d" / "b.yaml").read_text() == UGLY


def test_a_file_with_mistakes_is_left_alone_and_the_others_are_not(config: Path) -> None:
    """Exit code 1 says so."""
    bad = config.parent / "rules.d" / "a.yaml"
    bad.write_text(ugly := UGLY.replace("status", "statsu").replace("alarm: b", "alarm: a"))
    result = swctl("fmt", "--config", config)
    assert (result.exit_code, bad.read_text()) == (1, ugly)
    assert (config.parent / "rules.d" / "b.yaml").read_text() == PRETTY


def test_a_format_that_changes_the_meaning_is_never_written(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were the formatter wrong, the rules would show it: each file is loaded before it is written."""
    right = fmt.formatted
    monkeypatch.setattr(fmt, "formatted", lambda *given: right(*given).replace("500", "400"))
    monkeypatch.setattr(fmt, "same_tree", lambda *_: True)
    result = swctl("fmt", "--config", config)
    assert result.exit_code == 2
    assert "would not mean the same" in result.stderr
    assert (config.parent / "rules.d" / "b.yaml").read_text() == UGLY


def test_silences_are_written_in_one_spelling_too(config: Path) -> None:
    """Their conditions; comments stay."""
    folder = config.parent / "silences.d"
    folder.mkdir()
    (folder / "night.yaml").write_text(
        "silences:\n  # the move\n  - silence: move\n    rules: shop_slow\n    where: shop = 'north' OR shop=='south'\n"
        "    until: 2026-03-02T06:00Z\n    reason: the shop moves\n"
    )
    assert swctl("fmt", "--config", config).exit_code == 0
    text = (folder / "night.yaml").read_text()
    assert "  # the move\n" in text
    assert 'where: shop == "north" or shop == "south"\n' in text


def test_a_project_with_a_model_is_formatted_too(config: Path) -> None:
    """What a model holds is compared as well, without looking into it."""
    put_stump(config.parent / "models", "mix", "n", threshold=500.0)
    path = config.parent / "rules.d" / "b.yaml"
    path.write_text(
        "source: web\nrules:\n  - {anomaly: odd, by: shop, every: 1m, model: mix, values: {n: count()}, "
        "features: [n], when: score>0.9}\n"
    )
    assert swctl("fmt", "--config", config).stdout.startswith("formatted: ")
    assert "when: score > 0.9" in path.read_text()


def test_expressions_of_shared_words_are_formatted(tmp_path: Path) -> None:
    """In `shared.yaml`, and in a file of bases alone."""
    config = copy(tmp_path)
    shared, bases = tmp_path / "rules.d" / "shared.yaml", tmp_path / "rules.d" / "bases.yaml"
    shared.write_text("defaults: {where: status=200 AND page = home}\n")
    bases.write_text("bases:\n  - {alarm: b, when: status=500}\n")
    swctl("fmt", "--config", config)
    assert shared.read_text() == "defaults: {where: status == 200 and page == home}\n"
    assert bases.read_text() == "bases:\n  - {alarm: b, when: status == 500}\n"
