"""Words that hold for the rules of several files: `shared.yaml`, bases, rules that extend rules of other files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from streamwatchd.rules import codes, project
from streamwatchd.rules.document import Document
from streamwatchd.rules.drafts import Taken
from streamwatchd.rules.loader import Loaded, load
from streamwatchd.rules.ruleset import Alarm

CONFIG = """
sources:
  metrics:
    topic: telecom.metrics
    time: ts
    key: host
    fields: {host: string, cpu: {type: float, unit: percent}, disk: {type: float, unit: percent}}
  other:
    topic: telecom.other
    fields: {host: string, cpu: {type: float, unit: percent}}
"""
SHARED = """source: metrics
every: 10s
labels: {team: noc, site: north}
params: {limit: 85%}
defaults:
  severity: major
  runbook: https://runbooks.example/all
bases:
  - alarm: busy
    by: host
    when: avg(cpu over 5m) > limit
    labels: {kind: load}
"""
HOT = "rules:\n  - alarm: hot\n    by: host\n    when: avg(cpu over 5m) > limit\n"
FULL = "labels: {team: disks}\nrules:\n  - alarm: full\n    by: host\n    when: avg(disk over 5m) > limit\n"
BUSY = "rules:\n  - alarm: db_busy\n    extends: busy\n    params: {limit: 95%}\n"
FILES = {"shared.yaml": SHARED, "hot.yaml": HOT, "full.yaml": FULL, "busy.yaml": BUSY}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rules.d").mkdir()
    (tmp_path / "streamwatchd.yaml").write_text(CONFIG)
    write(tmp_path, FILES)
    return tmp_path


def write(folder: Path, files: Mapping[str, str | None]) -> None:
    """None: the file goes away."""
    for name, text in files.items():
        path = folder / "rules.d" / name
        path.unlink(missing_ok=True) if text is None else path.write_text(text)


def loaded(folder: Path, before: Loaded | None = None) -> Loaded:
    return load(folder / "streamwatchd.yaml", last_good=before.files if before is not None else None)


def alarm(found: Loaded, name: str) -> Alarm:
    rule = found.ruleset.rule(name)
    assert isinstance(rule, Alarm)
    return rule


def said(found: Loaded) -> list[tuple[str, str]]:
    """Code and place of each finding."""
    places = [(each.code, each.span) for each in found.diagnostics]
    return [(code, f"{Path(span.file).name}:{span.line}" if span else "") for code, span in places]


def test_words_of_the_shared_file_hold_for_all_files(folder: Path) -> None:
    """A file's own come before them, a rule's own before those; labels and parameters are taken one by one."""
    found = loaded(folder)
    assert found.diagnostics == ()
    assert [rule.name for rule in found.ruleset.rules] == ["db_busy", "full", "hot"]
    assert alarm(found, "hot").labels == {"team": "noc", "site": "north"}
    assert alarm(found, "full").labels == {"team": "disks", "site": "north"}
    assert alarm(found, "db_busy").labels == {"team": "noc", "site": "north", "kind": "load"}
    assert {alarm(found, name).levels[0].severity for name in ("hot", "full", "db_busy")} == {"major"}
    assert alarm(found, "db_busy").runbook == "https://runbooks.example/all"
    assert alarm(found, "db_busy").every_ms == 10_000


@pytest.mark.parametrize(
    ("words", "rule", "labels", "runbook"),
    [
        ("", "    labels: {team: null}\n", {"site": "north"}, "https://runbooks.example/all"),
        ("", "    labels: ~\n    runbook: null\n", {}, ""),
        ("labels: null\n", "", {}, "https://runbooks.example/all"),
        ("defaults: {runbook: null}\nlabels: {site: null, a: b}\n", "", {"team": "noc", "a": "b"}, ""),
        ("defaults: null\n", "    labels: {team: x}\n", {"team": "x", "site": "north"}, ""),
    ],
)
def test_null_takes_back(folder: Path, words: str, rule: str, labels: dict[str, str], runbook: str) -> None:
    """In a rule or in a file, whole fields and single entries."""
    write(folder, {"hot.yaml": words + HOT + rule})
    found = loaded(folder)
    assert found.diagnostics == ()
    assert (alarm(found, "hot").labels, alarm(found, "hot").runbook) == (labels, runbook)


def test_nothing_is_no_null(folder: Path) -> None:
    """`runbook:` and no more is a slip as ever."""
    write(folder, {"hot.yaml": HOT + "    runbook:\n"})
    assert said(loaded(folder)) == [(codes.WRONG_TYPE, "hot.yaml:5")]


def test_a_rule_of_another_file_is_extended_with_what_its_file_says(folder: Path) -> None:
    """What it reads comes along; labels, parameters and defaults of its file come behind those of the own one."""
    there = (
        "source: other\nevery: 1m\nlabels: {team: web, tier: gold}\nparams: {most: 50%}\ndefaults: {severity: minor}\n"
    )
    write(folder, {"web.yaml": there + "rules:\n  - alarm: web\n    by: host\n    when: avg(cpu over 5m) > most\n"})
    own = "source: metrics\nlabels: {team: db}\ndefaults: {runbook: https://db.example}\n"
    write(folder, {"db.yaml": own + "rules:\n  - alarm: db\n    extends: web\n"})
    found = loaded(folder)
    assert found.diagnostics == ()
    db = alarm(found, "db")
    assert (db.sources, db.every_ms, db.levels[0].severity) == (("other",), 60_000, "minor")
    assert db.labels == {"team": "db", "tier": "gold", "site": "north"}
    assert (db.runbook, alarm(found, "web").runbook) == ("https://db.example", "https://runbooks.example/all")


def test_words_that_move_to_the_shared_file_change_no_rule(folder: Path) -> None:
    """From the top of a file: the version of a rule is of what files say for it, whichever they are."""
    before = loaded(folder)
    head, _ = SHARED.split("bases:\n")
    write(folder, {"hot.yaml": head + HOT})
    assert loaded(folder).diagnostics == ()
    assert alarm(loaded(folder), "hot").digest == alarm(before, "hot").digest
    write(folder, {"hot.yaml": head.replace("85", "86") + HOT})
    assert alarm(loaded(folder), "hot").digest != alarm(before, "hot").digest


def test_an_edit_of_the_shared_file_changes_all_rules_that_take_it_over(folder: Path) -> None:
    """In one load, and no rule that says otherwise."""
    before = loaded(folder)
    write(folder, {"shared.yaml": SHARED.replace("limit: 85%", "limit: 70%")})
    after = loaded(folder, before)
    changed = {rule.name for rule in after.ruleset.rules if rule.digest != before.ruleset.rule(rule.name).digest}
    assert (after.diagnostics, changed) == ((), {"hot", "full"})


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", (codes.EMPTY, "shared.yaml:1")),
        (SHARED.replace("{limit: 85%}", "{limit: 85%"), (codes.COLON_CUT, "shared.yaml:5")),
        (SHARED.replace("major", "majr"), (codes.BAD_CHOICE, "shared.yaml:6")),
        (SHARED.replace("when: avg(cpu over 5m) > limit", "wen: 5"), (codes.UNKNOWN_FIELD, "shared.yaml:11")),
        (SHARED.replace("limit: 85%", "limit: cpu + 5"), (codes.WRONG_TYPE, "shared.yaml:4")),
        (SHARED.replace("> limit", "> > limit"), ("SW101", "shared.yaml:11")),
        (SHARED.replace("source: metrics", "source: metricks"), (codes.UNKNOWN_SOURCE, "shared.yaml:1")),
        (SHARED.replace("alarm: busy", "alarm: bussy"), (codes.READ_ELSEWHERE, "shared.yaml:1")),
        (None, (codes.READ_ELSEWHERE, "shared.yaml:1")),
    ],
    ids=["empty", "torn", "word", "field", "parameter", "condition", "source", "base renamed", "removed"],
)
def test_a_broken_shared_file_is_refused_alone(folder: Path, text: str | None, place: tuple[str, str]) -> None:
    """Its last good words stay for all rules, also where it only breaks rules of other files; their edits go in."""
    before = loaded(folder)
    edit = "source: metrics\n" + FULL.replace("disks", "storage").replace("limit", "85%")
    write(folder, {"shared.yaml": text, "full.yaml": "every: 10s\n" + edit})
    after = loaded(folder, before)
    assert set(said(after)) == {place}
    assert [Path(path).name for path in after.refused] == ["shared.yaml"]
    assert alarm(after, "full").labels == {"team": "storage", "site": "north"}
    assert [rule for rule in after.ruleset.rules if rule.name != "full"] == [
        rule for rule in before.ruleset.rules if rule.name != "full"
    ]
    write(folder, {"shared.yaml": SHARED})
    assert loaded(folder, after).refused == ()


def test_a_shared_file_that_nobody_needs_can_go(folder: Path) -> None:
    """Like an edit that empties it."""
    write(folder, {"hot.yaml": "source: metrics\nevery: 10s\n" + HOT.replace("limit", "80%")})
    write(folder, {"full.yaml": None, "busy.yaml": None})
    before = loaded(folder)
    write(folder, {"shared.yaml": None})
    after = loaded(folder, before)
    assert (after.diagnostics, alarm(after, "hot").labels) == ((), {})


def test_a_new_shared_file_that_is_broken_changes_nothing(folder: Path) -> None:
    """It has no last good content but not to be there; an edit that needs its words is refused for that."""
    write(folder, {"shared.yaml": None, "busy.yaml": None})
    write(folder, {"hot.yaml": "source: metrics\nevery: 10s\n" + HOT.replace("limit", "80%"), "full.yaml": None})
    before = loaded(folder)
    assert before.diagnostics == ()
    for text in ("labels: {team: noc\n", "labels: {team: noc}\ndefaults: {where: nowhere > > 5}\n"):
        write(folder, {"shared.yaml": text})
        after = loaded(folder, before)
        assert after.ruleset == before.ruleset
        assert [Path(path).name for path in after.refused] == ["shared.yaml"]
    write(folder, {"hot.yaml": HOT})
    after = loaded(folder, before)
    assert after.ruleset == before.ruleset
    assert [Path(path).name for path in after.refused] == ["hot.yaml", "shared.yaml"]


def test_a_broken_shared_file_at_the_first_start(folder: Path) -> None:
    """No rule runs without the words that it was written with; one line says how many files wait."""
    write(folder, {"shared.yaml": SHARED.replace("major", "majr")})
    found = loaded(folder)
    assert said(found) == [(codes.SHARED_REFUSED, "shared.yaml:1"), (codes.BAD_CHOICE, "shared.yaml:6")]
    assert found.diagnostics[0].message.endswith("busy.yaml, and 2 more")
    assert (found.ruleset.rules, len(found.refused)) == ((), 4)


def test_a_mistake_of_a_shared_word_is_told_once(folder: Path) -> None:
    """Where it stands, however many rules take it over."""
    write(folder, {"shared.yaml": SHARED.replace("limit: 85%", "limit: cpu + 5")})
    assert said(loaded(folder)) == [(codes.WRONG_TYPE, "shared.yaml:4")]


def test_names_of_bases_are_global(folder: Path) -> None:
    """The one that is there keeps its name; a base is no stream."""
    before = loaded(folder)
    write(folder, {"more.yaml": "bases:\n  - alarm: busy\n    by: host\n  - alarm: hot\n    by: host\n"})
    after = loaded(folder, before)
    assert said(after) == [(codes.NAME_TAKEN, "more.yaml:2"), (codes.NAME_TAKEN, "more.yaml:4")]
    assert after.ruleset == before.ruleset
    write(folder, {"more.yaml": "rules:\n  - alarm: on_base\n    source: busy\n    when: cpu > 5%\n"})
    (found,) = loaded(folder, before).diagnostics
    assert (found.code, "`busy` is a base, which is not run" in found.message) == (codes.UNKNOWN_SOURCE, True)


def test_a_base_that_moves_to_a_torn_file_stays(folder: Path) -> None:
    """Two files of one step, of which the second is half-written."""
    before = loaded(folder)
    head, bases = SHARED.split("bases:\n")
    write(folder, {"shared.yaml": head, "bases.yaml": "bases:\n" + bases + "    labels: {"})
    after = loaded(folder, before)
    assert after.ruleset == before.ruleset
    write(folder, {"bases.yaml": "bases:\n" + bases})
    moved = loaded(folder, after)
    assert (moved.diagnostics, moved.ruleset.rule("db_busy").digest) == ((), before.ruleset.rule("db_busy").digest)


def test_a_broken_edit_of_a_reader_does_not_lose_its_last_good_content(folder: Path) -> None:
    """Both files of one step are wrong: both stay as they were."""
    before = loaded(folder)
    write(folder, {"busy.yaml": BUSY + "    wat: 5\n", "shared.yaml": SHARED.replace("alarm: busy", "alarm: bussy")})
    after = loaded(folder, before)
    assert after.ruleset == before.ruleset
    assert [Path(path).name for path in after.refused] == ["busy.yaml", "shared.yaml"]


def test_bases_extend_bases_of_other_files(folder: Path) -> None:
    """What a base needs is asked of the rule, and may be given by its file or the shared one."""
    base = "bases:\n  - alarm: busier\n    extends: busy\n    needs: [limit, most]\n    severity: critical\n"
    rule = "rules:\n  - alarm: very\n    extends: busier\n"
    write(folder, {"bases.yaml": base, "very.yaml": rule})
    (found,) = loaded(folder).diagnostics
    assert found.code == codes.PARAMETER_NEEDED
    assert "`busier` needs the parameter `most`" in found.message
    write(folder, {"very.yaml": rule + "    params: most\n"})
    assert any("must be a mapping of names to constants" in each.message for each in loaded(folder).diagnostics)
    write(folder, {"very.yaml": "params: {most: 5}\n" + rule})
    again = loaded(folder)
    assert (again.diagnostics, alarm(again, "very").levels[0].severity) == ((), "critical")


def test_a_warning_points_into_the_file_of_the_word(folder: Path) -> None:
    """With the text of that line."""
    write(folder, {"busy.yaml": BUSY.replace("    params: {limit: 95%}\n", "    params: {limit: host2}\n")})
    found = loaded(folder).diagnostics
    assert [(Path(each.span.file).name, each.source_line) for each in found if each.span] == [
        ("shared.yaml", "    when: avg(cpu over 5m) > limit")
    ]


def test_a_rule_knows_where_its_words_come_from(folder: Path) -> None:
    """For people who ask; it is no part of what it means."""
    whence = {path: f"{Path(span.file).name}:{span.line}" for path, span in alarm(loaded(folder), "db_busy").taken}
    assert whence == {
        "by": "shared.yaml:10", "when": "shared.yaml:11", "labels.kind": "shared.yaml:12", "severity": "shared.yaml:6",
        "runbook": "shared.yaml:7", "source": "shared.yaml:1", "every": "shared.yaml:2", "labels.team": "shared.yaml:3",
        "labels.site": "shared.yaml:3",
    }  # fmt: skip


def test_what_is_as_it_was_is_not_looked_at_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reload in which nothing changed compares no words; one of `shared.yaml` those of all rules."""
    before = loaded(folder)
    compared: list[str] = []
    taken_text = project._taken_text

    def noted(taken: Taken, document: Document) -> Iterator[str]:
        compared.append(taken.path)
        return taken_text(taken, document)

    monkeypatch.setattr(project, "_taken_text", noted)
    again = loaded(folder, before)
    assert not compared
    assert all(new is old for new, old in zip(again.ruleset.rules, before.ruleset.rules, strict=True))
    write(folder, {"shared.yaml": f"# moved\n{SHARED}"})
    moved = loaded(folder, again)
    assert {"labels.team", "runbook", "params.limit"} <= set(compared)
    assert not any(new is old for new, old in zip(moved.ruleset.rules, again.ruleset.rules, strict=True))


def test_a_shared_file_may_hold_comments_alone(folder: Path) -> None:
    """They are no words, and rules that have all of theirs run; an empty file may be half-written, and is refused."""
    alone = "source: metrics\nevery: 10s\n" + HOT.replace("> limit", "> 85%")
    write(folder, {"shared.yaml": "# labels: {team: noc}\n", "hot.yaml": alone, "full.yaml": None, "busy.yaml": None})
    found = loaded(folder)
    assert found.diagnostics == ()
    assert alarm(found, "hot").labels == {}
    write(folder, {"shared.yaml": ""})
    assert ("SW306", "shared.yaml:1") in said(loaded(folder))


@pytest.mark.parametrize(
    ("files", "message", "hint"),
    [
        ({"busy.yaml": BUSY.replace("extends: busy", "extends: shared.busy")}, "no rule or base", "write `busy`: "),
        ({"busy.yaml": BUSY.replace("extends: busy", "extends: [busy]")}, "`extends` must be a name", "cpu_high"),
        ({"shared.yaml": "severity: major\n" + SHARED}, "no field `severity`", "below `defaults:`"),
        ({"shared.yaml": SHARED.replace("alarm: busy", "base: busy")}, "needs `alarm:`", "such as `- alarm: busy`"),
        ({"shared.yaml": SHARED.replace("85%", "'85%'")}, "a number with text", "because of its quotes, at"),
        ({"hot.yaml": HOT + "    abstract: true\n"}, "no field `abstract`", "move the rule into the list `bases`"),
        ({"hot.yaml": HOT + "    needs: limit\n"}, "no field `needs`", "bases have that"),
        ({"hot.yaml": "include: shared.yaml\n" + HOT}, "no field `include`", "what `shared.yaml` says holds for all"),
        ({"hot.yaml": HOT + "    unless: firing(busy)\n"}, "`busy` is a base, which never fires", "extends it"),
        ({"_shared.yaml": "labels: {a: b}\nbases: [{kpi: k}]\n"}, "itself alone", "name it"),
    ],
)
def test_newcomers_are_told_the_way(folder: Path, files: dict[str, str], message: str, hint: str) -> None:
    """What people write who know how other systems share."""
    write(folder, files)
    assert any(message in each.message and hint in each.hint for each in loaded(folder).diagnostics)
