"""The schemas of our files: editors complete and check by them, so they take what loads and refuse the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamwatchd.rules.document import plain
from streamwatchd.rules.reader import parse
from tests.published import misfits

ROOT = Path(__file__).parents[1]
SHIPPED = {
    ROOT / "streamwatchd.yaml": "streamwatchd",
    **{
        path: schema
        for project in (ROOT, ROOT / "examples", ROOT / "tests" / "corpus")
        for folder, schema in (("enrichment.d", "table"), ("calendars.d", "calendar"))
        for path in sorted((project / folder).glob("*.yaml"))
    },
    ROOT / "examples" / "streamwatchd.yaml": "streamwatchd",
    ROOT / "tests" / "corpus" / "streamwatchd.yaml": "streamwatchd",
    **{
        path: "rules_test" if path.name.endswith("_test.yaml") else {"shared": "shared"}.get(path.stem, "rules")
        for folder in ("rules.d", "examples/rules.d", "tests/corpus/rules.d", "tests/cases/cli/project/rules.d")
        for path in sorted((ROOT / folder).glob("*.yaml"))
    },
}


def found(text: str, schema: str) -> list[str]:
    top = parse("a.yaml", text.encode()).top
    assert top is not None
    return misfits(schema, [plain(top)])


@pytest.mark.parametrize(("path", "schema"), SHIPPED.items(), ids=lambda each: getattr(each, "name", each))
def test_schemas_take_what_we_ship(path: Path, schema: str) -> None:
    """Every file."""
    assert found(path.read_text(), schema) == []


@pytest.mark.parametrize(
    "path",
    [path for path in SHIPPED if path.is_relative_to(ROOT / "rules.d") or path.is_relative_to(ROOT / "examples")],
    ids=lambda p: p.name,
)
def test_shipped_files_say_their_schema(path: Path) -> None:
    """In a line that editors read; the file that it names is there."""
    first = path.read_text().splitlines()[0]
    schema = first.removeprefix("# yaml-language-server: $schema=")
    assert (path.parent / schema).resolve() == ROOT / "schemas" / f"{SHIPPED[path]}.json"


def test_words_of_a_choice_are_what_yaml_makes_of_them() -> None:
    """A number, or nothing: an editor that wants quotes there is wrong."""
    counter = "kafka: {a: b}\nsources: {web: {topic: a, fields: {n: {type: counter, bits: 64}}}}\n"
    assert found(counter, "streamwatchd") == []
    assert found("name: a\nfile: a.csv\nmissing: null\n", "table") == []
    row = "{alarm: a, previous: null, event: fired}"
    assert found(f"tests: [{{name: a, events: [{{source: b}}], expect: [{row}]}}]\n", "rules_test") == []


def test_words_can_be_taken_back() -> None:
    """`null` stands for what is taken over, in a rule, in a file, and for single entries; names stay names."""
    rule = "{alarm: a, extends: b, runbook: null, labels: {team: null}, severity: null, by: null}"
    assert found(f"labels: null\nrules: [{rule}]\n", "rules") == []
    assert found("rules: [{alarm: null, when: b > 1}]\n", "rules") != []
    assert found("params: {a: 5}\nbases: [{anomaly: a, needs: a}, {kpi: b, by: c}]\n", "shared") == []


RULE = "source: web\nrules:\n  - {rule}\n"


@pytest.mark.parametrize(
    ("text", "schema"),
    [
        (RULE.format(rule="{alarm: a, when: b > 1, treshold: 5}"), "rules"),
        (RULE.format(rule="{alarm: a, when: b > 1, severity: high}"), "rules"),
        (RULE.format(rule="{alarm: a, kpi: b, when: b > 1}"), "rules"),
        (RULE.format(rule="{when: b > 1}"), "rules"),
        (RULE.format(rule="{alarm: a b, when: b > 1}"), "rules"),
        (RULE.format(rule="{alarm: a, when: [b > 1]}"), "rules"),
        (RULE.format(rule="{alarm: a, when: b > 1, min_history: 5}"), "rules"),
        (RULE.format(rule="{alarm: a, levels: {high: b > 1}}"), "rules"),
        (RULE.format(rule="{alarm: a, when: b > 1, max_keys: many}"), "rules"),
        ("source: web\nrule: []\n", "rules"),
        ("source: web\n", "rules"),
        ("source: web\ndefaults: {severty: major}\nbases: [{alarm: a}]\n", "rules"),
        ("labels: {team: a}\nrules: [{alarm: a, when: b > 1}]\n", "shared"),
        ("bases: [{alarm: a, needs: {limit: 5}}]\n", "shared"),
        ("rules: [a.yaml]\ntests: [{events: []}]\n", "rules_test"),
        ("rules: [a.yaml]\ntests: [{name: a, event: []}]\n", "rules_test"),
        ("tests: [{name: a, events: [{b: 1}], expect: [{alarm: a, event: fird}]}]\n", "rules_test"),
        ("tests: [{name: a, events: [{b: 1}], expect: [{kpi: a, event: fired}]}]\n", "rules_test"),
        ("kafka: {bootstrap.servers: a}\nsources: {web: {topic: a, max_delay: 5}}\n", "streamwatchd"),
        ("kafka: {bootstrap.servers: a}\nsource: {web: {topic: a}}\n", "streamwatchd"),
        ("kafka: {bootstrap.servers: a}\nsources: {web: {topic: a, fields: {a: {type: flaot}}}}\n", "streamwatchd"),
        ("name: a\nfiel: a.csv\n", "table"),
        ("timezone: UTC\ndurin: []\n", "calendar"),
    ],
)
def test_schemas_refuse_what_newcomers_write(text: str, schema: str) -> None:
    """Misspelt fields, wrong kinds of values, two heads, words that are none."""
    assert found(text, schema) != []
