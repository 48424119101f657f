"""A project on disk → what is in force: one bad file never takes the others down."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamwatchd.rules import codes
from streamwatchd.rules.loader import Loaded, load

CONFIG = """
sources:
  metrics:
    topic: telecom.metrics
    time: ts
    key: host
    fields: {host: string, cpu: {type: float, unit: percent}}
    enrich: {devices: host}
"""
LOAD = "source: metrics\nevery: 1m\nrules:\n  - kpi: load\n    by: host\n    values: {x: avg(cpu)}\n"
BUSY = "rules:\n  - alarm: busy\n    source: load\n    by: host\n    when: x > 90%\n"
ALONE = "source: metrics\nevery: 10s\nrules:\n  - alarm: hot\n    by: host\n    when: avg(cpu over 5m) > 85%\n"
DEVICES = "host,role\na,core\n"

Write = Callable[..., None]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write(tmp_path, {"streamwatchd.yaml": CONFIG, "enrichment.d/devices.csv": DEVICES})
    write(tmp_path, {"rules.d/load.yaml": LOAD, "rules.d/busy.yaml": BUSY, "rules.d/alone.yaml": ALONE})
    return tmp_path


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)


def reload(folder: Path, before: Loaded) -> Loaded:
    return load(folder / "streamwatchd.yaml", last_good=before.files)


def names(loaded: Loaded) -> list[str]:
    return [rule.name for rule in loaded.ruleset.rules]


def found(loaded: Loaded) -> list[tuple[str, str]]:
    """Code and file of each error."""
    return [(each.code, Path(each.span.file).name if each.span else "") for each in loaded.diagnostics if each.is_error]


def refused(loaded: Loaded) -> list[str]:
    return [Path(path).name for path in loaded.refused]


def test_a_good_project_is_in_force_as_a_whole(project: Path) -> None:
    """Rules stand in the order of files and places, and the content of every file is handed back."""
    loaded = load(project / "streamwatchd.yaml")
    assert loaded.diagnostics == ()
    assert names(loaded) == ["hot", "busy", "load"]
    assert sorted(Path(path).name for path in loaded.files) == [
        "alone.yaml", "busy.yaml", "devices.csv", "load.yaml", "streamwatchd.yaml",
    ]  # fmt: skip
    assert loaded.tables["devices"].rows == {"a": 0}


def test_loading_the_same_again_gives_the_same(project: Path) -> None:
    """Nothing depends on what was in force before when nothing changed."""
    first = load(project / "streamwatchd.yaml")
    assert reload(project, first) == first


@pytest.mark.parametrize(
    "bad", ["", "rules: [", LOAD.replace("avg(cpu)", "avg(cpu) > 5 >"), LOAD.replace("kpi", "kpy")]
)
def test_a_bad_edit_leaves_the_last_good_content_in_force(project: Path, bad: str) -> None:
    """Also for the rules in other files that read it."""
    first = load(project / "streamwatchd.yaml")
    write(project, {"rules.d/load.yaml": bad})
    second = reload(project, first)
    assert second.ruleset == first.ruleset
    assert {file for _, file in found(second)} == {"load.yaml"}
    assert refused(second) == ["load.yaml"]
    assert second.files == first.files


def test_without_a_last_good_content_the_file_and_what_reads_it_are_left_out(project: Path) -> None:
    """One finding for the mistake and one for each reader; what is unrelated runs."""
    write(project, {"rules.d/load.yaml": LOAD.replace("kpi: load", "kpi: load\n    wat: 1")})
    loaded = load(project / "streamwatchd.yaml")
    assert names(loaded) == ["hot"]
    assert found(loaded) == [(codes.READ_ELSEWHERE, "busy.yaml"), (codes.UNKNOWN_FIELD, "load.yaml")]
    assert refused(loaded) == ["busy.yaml", "load.yaml"]


@pytest.mark.parametrize(
    "change",
    [None, LOAD.replace("kpi: load", "kpi: load2"), LOAD.replace("x: avg", "y: avg")],
    ids=["file removed", "rule renamed", "value renamed"],
)
def test_taking_away_what_another_file_reads_is_refused_and_both_are_named(project: Path, change: str | None) -> None:
    """The reader did nothing wrong and stays; the change waits for it."""
    first = load(project / "streamwatchd.yaml")
    (project / "rules.d/load.yaml").unlink() if change is None else write(project, {"rules.d/load.yaml": change})
    second = reload(project, first)
    assert second.ruleset == first.ruleset
    assert found(second) == [(codes.READ_ELSEWHERE, "load.yaml")]
    assert "busy.yaml" in second.diagnostics[0].message


def test_taking_it_away_together_with_its_readers_is_fine(project: Path) -> None:
    """Both files in one step."""
    first = load(project / "streamwatchd.yaml")
    (project / "rules.d/load.yaml").unlink()
    (project / "rules.d/busy.yaml").unlink()
    second = reload(project, first)
    assert (names(second), second.diagnostics, second.refused) == (["hot"], (), ())


def test_a_name_stays_with_its_holder(project: Path) -> None:
    """A new file that comes first in order can't take a name that another has."""
    first = load(project / "streamwatchd.yaml")
    write(project, {"rules.d/a_first.yaml": ALONE})
    second = reload(project, first)
    assert found(second) == [(codes.NAME_TAKEN, "a_first.yaml")]
    assert second.ruleset == first.ruleset
    assert found(load(project / "streamwatchd.yaml")) == [(codes.NAME_TAKEN, "alone.yaml")]


def test_a_new_rule_that_disagrees_about_a_field_is_the_one_that_is_refused(project: Path) -> None:
    """Where two rules use an undeclared field as two kinds, the one in force is right."""
    use = "source: metrics\nrules:\n  - alarm: {}\n    by: host\n    when: colour {}\n"
    write(project, {"rules.d/z.yaml": use.format("z", '== "red"')})
    first = load(project / "streamwatchd.yaml")
    write(project, {"rules.d/a.yaml": use.format("a", "> 5")})
    second = reload(project, first)
    assert found(second) == [(codes.FIELD_CONFLICT, "a.yaml")]
    assert names(second) == names(first)


def test_a_bad_table_keeps_its_last_good_rows(project: Path) -> None:
    """A half-written CSV changes nothing."""
    first = load(project / "streamwatchd.yaml")
    write(project, {"enrichment.d/devices.csv": "host,role\na\n"})
    second = reload(project, first)
    assert (second.ruleset, second.tables) == (first.ruleset, first.tables)
    assert found(second) == [(codes.TABLE_UNREADABLE, "devices.csv")]


@pytest.mark.parametrize("change", [None, "host,site\na,x\n"], ids=["removed", "without the column"])
def test_taking_away_a_table_or_column_that_is_read_is_refused(project: Path, change: str | None) -> None:
    """The rows that were there stay."""
    write(project, {"rules.d/alone.yaml": ALONE.replace("    when", '    where: devices.role == "core"\n    when')})
    first = load(project / "streamwatchd.yaml")
    csv = project / "enrichment.d/devices.csv"
    csv.unlink() if change is None else csv.write_text(change)
    second = reload(project, first)
    assert (second.ruleset, second.tables) == (first.ruleset, first.tables)
    assert found(second) == [(codes.READ_ELSEWHERE, "devices.csv")]


def test_new_rows_come_in(project: Path) -> None:
    """An edit of a table changes its data and no rule."""
    first = load(project / "streamwatchd.yaml")
    write(project, {"enrichment.d/devices.csv": DEVICES + "b,edge\n"})
    second = reload(project, first)
    assert second.ruleset == first.ruleset
    assert second.tables["devices"].rows == {"a": 0, "b": 1}


def test_a_bad_configuration_leaves_the_last_good_one_in_force(project: Path) -> None:
    """Rules are not blamed for it."""
    first = load(project / "streamwatchd.yaml")
    write(project, {"streamwatchd.yaml": CONFIG.replace("metrics", "metric") + "shards: many\n"})
    second = reload(project, first)
    assert second.ruleset == first.ruleset
    assert found(second) == [(codes.WRONG_TYPE, "streamwatchd.yaml")]


def test_a_source_that_rules_read_can_not_be_removed(project: Path) -> None:
    """The configuration checks by itself, but not with the rules in force."""
    first = load(project / "streamwatchd.yaml")
    write(project, {"streamwatchd.yaml": CONFIG.replace("  metrics:", "  metrix:")})
    second = reload(project, first)
    assert second.ruleset == first.ruleset
    assert set(found(second)) == {(codes.READ_ELSEWHERE, "streamwatchd.yaml")}


def test_without_a_configuration_there_is_nothing_but_a_reason(tmp_path: Path) -> None:
    """No exception, and no settings."""
    loaded = load(tmp_path / "streamwatchd.yaml")
    assert (loaded.settings, names(loaded), found(loaded)) == (None, [], [(codes.UNREADABLE, "streamwatchd.yaml")])


def test_a_mistake_in_the_configuration_does_not_hide_those_in_rules(project: Path) -> None:
    """`validate` says all at once."""
    write(project, {"streamwatchd.yaml": CONFIG + "shards: many\n", "rules.d/alone.yaml": ALONE + "    wat: 1\n"})
    loaded = load(project / "streamwatchd.yaml")
    assert found(loaded) == [(codes.UNKNOWN_FIELD, "alone.yaml"), (codes.WRONG_TYPE, "streamwatchd.yaml")]


def test_tests_of_rules_and_hidden_files_are_not_rules(project: Path) -> None:
    """`*_test.yaml` is for `swctl test-rule`, dot files are for editors."""
    write(project, {"rules.d/alone_test.yaml": "nonsense", "rules.d/.alone.yaml.swp.yaml": "nonsense"})
    assert load(project / "streamwatchd.yaml").diagnostics == ()


ANY_FILE = st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass"))
PIECES = st.lists(
    st.sampled_from(
        [LOAD, BUSY, ALONE, CONFIG, "rules:", "- ", "  ", "\n", "&a ", "*a", "[", "]", "{", "}", ": ", " #", "'"]
    ),
    max_size=8,
).map(lambda parts: "".join(parts).encode())


@settings(max_examples=40)
@given(st.sampled_from(["streamwatchd.yaml", "rules.d/load.yaml", "enrichment.d/devices.csv"]), ANY_FILE | PIECES)
def test_any_bytes_give_diagnostics_and_never_an_exception(
    tmp_path_factory: pytest.TempPathFactory, name: str, content: bytes
) -> None:
    """From nothing, and over a good project whose rules then all stay in force."""
    folder = tmp_path_factory.mktemp("project")
    write(folder, {"streamwatchd.yaml": CONFIG, "enrichment.d/devices.csv": DEVICES})
    write(folder, {"rules.d/load.yaml": LOAD, "rules.d/busy.yaml": BUSY, "rules.d/alone.yaml": ALONE})
    first = load(folder / "streamwatchd.yaml")
    (folder / name).write_bytes(content)
    load(folder / "streamwatchd.yaml")
    assert {"busy", "hot"} <= set(names(reload(folder, first)))


def test_taking_away_an_alarm_that_another_file_asks_for_is_refused(project: Path) -> None:
    """The file that asks `firing(…)` did nothing wrong and stays."""
    asks = ALONE.replace("alarm: hot", "alarm: cold").replace("    when", "    unless: firing(hot)\n    when")
    write(project, {"rules.d/asks.yaml": asks})
    first = load(project / "streamwatchd.yaml")
    (project / "rules.d/alone.yaml").unlink()
    second = reload(project, first)
    assert second.ruleset == first.ruleset
    assert found(second) == [(codes.READ_ELSEWHERE, "alone.yaml")]


def test_a_reader_that_is_broken_too_keeps_its_last_good_content(project: Path) -> None:
    """Two edits of one step, both wrong: what is read goes, and who reads it has a mistake of its own."""
    first = load(project / "streamwatchd.yaml")
    write(project, {"rules.d/load.yaml": LOAD.replace("x: avg", "y: avg"), "rules.d/busy.yaml": BUSY + "    wat: 5\n"})
    second = reload(project, first)
    assert second.ruleset == first.ruleset
    assert refused(second) == ["busy.yaml", "load.yaml"]


def test_a_rule_that_moves_to_a_torn_file_stays_for_its_readers(project: Path) -> None:
    """The file that it leaves is as it was until the other one is whole."""
    first = load(project / "streamwatchd.yaml")
    (project / "rules.d/load.yaml").unlink()
    write(project, {"rules.d/moved.yaml": LOAD + "    wat: {"})
    second = reload(project, first)
    assert second.ruleset == first.ruleset
    assert refused(second) == ["load.yaml", "moved.yaml"]
