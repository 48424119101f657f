"""`swctl plan`; what it prints stands in tests/cases/cli/310_plan.txt."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.cli.small import copy, swctl


def git(folder: Path, *arguments: str) -> None:
    name = ("-c", "user.name=a", "-c", "user.email=a@b.example", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(folder), *name, *arguments], check=True, capture_output=True)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A project below the top of a repository, with one commit."""
    config = copy(tmp_path / "noc")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "first")
    return config


def edit(config: Path, old: str, new: str) -> None:
    path = config.parent / "rules.d" / "shop.yaml"
    path.write_text(path.read_text().replace(old, new))


def test_without_words_it_compares_the_files_with_what_was_committed(config: Path) -> None:
    """What to type before a commit; afterwards the revision before it says the same."""
    edit(config, "over 1m", "over 2m")
    now = swctl("plan", "--config", config)
    assert now.exit_code == 0
    assert "edited    alarm shop_slow   " in now.stdout
    git(config.parent, "commit", "--quiet", "--all", "--message", "second")
    then = swctl("plan", "--config", config, "HEAD~1")
    two = swctl("plan", "--config", config, "HEAD~1", "HEAD")
    assert then.stdout == now.stdout
    assert two.stdout == now.stdout.replace(f"{config.parent}/", "HEAD:noc/")


def test_a_folder_may_be_compared_with_a_revision(config: Path) -> None:
    """In either order."""
    edit(config, "shop_slow", "shop_is_slow")
    found = json.loads(swctl("plan", "--config", config, "HEAD", config.parent, "--output", "json").stdout)
    assert [(each["what"], each["was"]) for each in found["rules"]] == [("renamed", "shop_slow"), ("unchanged", "")]
    found = json.loads(swctl("plan", "--config", config, config.parent, "HEAD", "--output", "json").stdout)
    assert [(each["what"], each["was"]) for each in found["rules"]] == [("renamed", "shop_is_slow"), ("unchanged", "")]


def test_mistakes_of_a_revision_are_shown_where_they_were(config: Path) -> None:
    """With the revision, not with the folder in which it was looked at."""
    edit(config, "over 1m", "over")
    git(config.parent, "commit", "--quiet", "--all", "--message", "broken")
    edit(config, "over)", "over 1m)")
    result = swctl("plan", "--config", config)
    assert result.exit_code == 1
    assert "--> HEAD:noc/rules.d/shop.yaml:" in result.stderr


def test_rules_keep_their_state_though_their_words_move(config: Path) -> None:
    """From the top of a file, or from the rule itself; an edit of the shared word is one of all that take it over."""
    shared = config.parent / "rules.d" / "shared.yaml"
    edit(config, "every: 10s\nrules", "rules")
    shared.write_text("every: 10s\n")

    def changes() -> list[dict[str, object]]:
        return json.loads(swctl("plan", "--config", config, "--output", "json").stdout)["rules"]  # type: ignore[no-any-return]

    assert [each["what"] for each in changes()] == ["unchanged", "unchanged"]
    edit(config, "    severity: major\n", "    extends: shop_alarm\n")
    edit(config, "    by: shop\n", "")
    words = "every: 10s\nbases:\n  - {alarm: shop_alarm, by: shop, severity: major}\n"
    shared.write_text(words)
    moved, unmoved = changes()
    assert (moved["what"], moved["alarms"], moved["begins"], moved["goes"]) == ("unchanged", "stay", [], [])
    assert (len(moved["stays"]), unmoved["what"]) == (1, "unchanged")  # type: ignore[arg-type]
    shared.write_text(words.replace("major", "critical"))
    assert [each["what"] for each in changes()] == ["edited", "unchanged"]
