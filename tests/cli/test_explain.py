"""`swctl explain`; what it prints stands in tests/cases/cli."""

from __future__ import annotations

from pathlib import Path

from tests.cli.small import copy, swctl


def test_the_titles_stand_in_one_column(tmp_path: Path) -> None:
    """The first line says which rule it is and where it stands."""
    first, *lines = swctl("explain", "--config", copy(tmp_path), "shop_slow").stdout.splitlines()
    assert first == f"alarm shop_slow   {tmp_path}/rules.d/shop.yaml:4:12"
    titles = [line[:10].strip() for line in lines if line[:10].strip()]
    assert titles == ["reads", "runs", "judged", "values", "levels", "otherwise", "keeps", "shares"]


def test_an_unknown_rule_is_wrong_usage(tmp_path: Path) -> None:
    """With the rules that there are, where none is near."""
    result = swctl("explain", "--config", copy(tmp_path), "xyz")
    assert (result.exit_code, result.stderr) == (2, "swctl: there is no rule `xyz`; there are shop_slow, requests\n")


def test_a_base_is_told_to_be_one(tmp_path: Path) -> None:
    """It is there, and can't be explained: nothing runs."""
    config = copy(tmp_path)
    (tmp_path / "rules.d" / "bases.yaml").write_text("bases: [{alarm: busy, by: shop}]\n")
    result = swctl("explain", "--config", config, "busy")
    said = "swctl: `busy` is a base, which is not run; name a rule that extends it\n"
    assert (result.exit_code, result.stderr) == (2, said)


def test_it_says_which_words_come_from_which_file(tmp_path: Path) -> None:
    """With their lines; words of the rule's own file are near enough."""
    config = copy(tmp_path)
    shared = tmp_path / "rules.d" / "shared.yaml"
    shared.write_text("labels: {team: shops}\ndefaults:\n  severity: minor\n  runbook: https://runbooks.example\n")
    lines = swctl("explain", "--config", config, "shop_slow").stdout.splitlines()
    assert lines[1] == f"from      {shared}: runbook (line 4), labels.team (line 1)"
