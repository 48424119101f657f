"""Write what is generated: the reference pages under docs/reference/ and the JSON schemas of our files.

python docs/generate.py            write
python docs/generate.py --check    exit 1 and name the files that are stale
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import assert_never

from streamwatchd import fields
from streamwatchd.aggregates.shelf import AGGREGATES
from streamwatchd.daemon.control_topic import records as control_records
from streamwatchd.daemon.selfwatch.conditions import CONDITIONS, Condition
from streamwatchd.fields import Field, Form, Record
from streamwatchd.functions import FUNCTIONS, FunctionSpec
from streamwatchd.lang.codes import CODES
from streamwatchd.ports.catalogue import METRICS, PREFIX, Metric
from streamwatchd.rules import calendar_spec, codes, rule_spec, settings_spec, silence_spec
from streamwatchd.rules.lint import _run as lint
from streamwatchd.rules.lint._check import Check
from streamwatchd.testing import timeline_codes, timeline_spec

sys.path.insert(0, str(Path(__file__).parent))
from asking import ASKING, check_asking
from tried import tried

ROOT = Path(__file__).resolve().parents[1]
NOTE = "<!-- Written by `make generate`; edit the code it comes from instead. -->\n"
FILES = {
    "rules": ("Rules: `rules.d/**/*.yaml`", rule_spec.FILE),
    "shared": ("What all rules share: `rules.d/shared.yaml`", rule_spec.SHARED_FILE),
    "streamwatchd": ("The daemon: `streamwatchd.yaml`", settings_spec.SETTINGS),
    "table": ("Tables: `enrichment.d/*.yaml`", settings_spec.TABLE),
    "rules_test": ("Tests of rules: `rules.d/**/*_test.yaml`", timeline_spec.TEST_FILE),
    "calendar": ("Calendars: `calendars.d/*.yaml`", calendar_spec.CALENDAR),
    "silences": ("Silences: `silences.d/*.yaml`", silence_spec.SILENCES),
}
RECORDS = (
    rule_spec.KPI,
    rule_spec.ALARM,
    rule_spec.ANOMALY,
    settings_spec.SOURCE,
    settings_spec.FIELD,
    settings_spec.TOPICS,
    settings_spec.CONTROL,
    settings_spec.SELF_ALERT,
    calendar_spec.STRETCH,
    silence_spec.SILENCE,
    timeline_spec.TEST,
    *timeline_spec.EXPECTATIONS.values(),
)


# --- files and fields ------------------------------------------------------------------------------------------------


def in_words(form: Form) -> str:
    """What a field takes, for a table cell."""
    match form:
        case fields.Text(what) | fields.Name(what) | fields.Expression(what) | fields.Raw(what):
            return what
        case fields.Duration():
            return "a duration"
        case fields.Integer(least, most):
            return f"a whole number, {least:,} to {most:,}"
        case fields.Share():
            return "a share, `10%` or `0.1`"
        case fields.Truth():
            return "`true` or `false`"
        case fields.Choice(words):
            return ", ".join(f"`{word}`" for word in words)
        case fields.Anything():
            return "a value"
        case fields.ListOf(item, or_one):
            return f"a list, each {in_words(item)}" + ("; one may stand alone" if or_one else "")
        case fields.MapOf(value, key):
            return f"{in_words(key)}: {in_words(value)}, as often as you like"
        case fields.Either(forms):
            return " or ".join(map(in_words, forms))
        case fields.Record(what):
            return what
        case fields.Records(records):
            return " or ".join(record.what for record in records.values())
        case _:
            assert_never(form)


def cell(text: str) -> str:
    return text.replace("|", "\\|")


def row(field: Field) -> str:
    name = f"`{field.name}`" + (" (required)" if field.required else "")
    default = f"`{field.default}`" if field.default else ""
    example = field.example or field.default
    example = f"`{field.name}: {example}`" if example else ""
    return "| " + " | ".join(map(cell, (name, in_words(field.form), field.doc, default, example))) + " |"


def record(title: str, content: Record) -> Iterator[str]:
    yield f"## {title}\n"
    yield f"{content.doc}\n"
    yield "| field | takes | meaning | default | example |\n|---|---|---|---|---|"
    yield from (row(field) for field in content.fields if not field.later)
    later = [f"`{field.name}`" for field in content.fields if field.later]
    yield f"\nNot in this version: {', '.join(later)}.\n" if later else ""


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def file_page() -> Iterator[str]:
    yield "# Files and fields\n"
    yield "The schemas for editors are in `schemas/`."
    yield "How rules and their tests are written is told in [the language](../language.md).\n"
    for title, content in FILES.values():
        yield from record(title, content)
    for content in RECORDS:
        yield from record(capital(content.what), content)


# --- functions and diagnostics ---------------------------------------------------------------------------------------


def literal(value: object) -> str:
    return f"`{json.dumps(value, ensure_ascii=False)}`"


def function(spec: FunctionSpec) -> Iterator[str]:
    yield f"### `{spec.name}`\n"
    yield f"{capital(spec.summary)}\n"
    for example in spec.examples:
        given = ", ".join(f"`{name}` {literal(value)}" for name, value in example.given.items())
        yield f"- `{example.expression}`{' with ' + given if given else ''} is {literal(example.result)}"
    yield ""


def function_page() -> Iterator[str]:
    yield "# Functions\n"
    yield "## Aggregates\n"
    yield "`fn(x where C over D ago D by k)`; see [the language](../language.md#aggregates).\n"
    yield "The engine computed the results in the last column, over six events 10 s apart.\n"
    yield "| aggregate | gives | example | tried |\n|---|---|---|---|"
    results = tried()
    for name, spec in sorted(AGGREGATES.items()):
        yield f"| `{name}` | {cell(spec.doc)} | `{cell(spec.example)}` | {cell(results[name])} |"
    yield "\n## In conditions of rules\n"
    yield "These ask for more than the events at hand, and stand where the table says. Each example is checked.\n"
    yield "| function | gives | where | example |\n|---|---|---|---|"
    check_asking()
    for asking in ASKING:
        yield f"| `{asking.name}` | {cell(asking.gives)} | {asking.where} | `{cell(asking.example)}` |"
    yield "\n## Scalar functions\n"
    for name in sorted(FUNCTIONS):
        yield from function(FUNCTIONS[name])


_FINDING = re.compile(r"^(?:error|warning)\[(SW\d+)\]: .*(?:\n(?!error\[|warning\[).+)*", re.MULTILINE)


def seen_in_goldens() -> dict[str, str]:
    """Code → what a person reads: the shortest of the findings that tests compare to the letter (tests/cases/)."""
    found: dict[str, str] = {}
    for path in sorted((ROOT / "tests" / "cases").glob("*/*.txt")):
        text = re.sub(r"^! ?", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        for match in _FINDING.finditer(text):
            if match[1] not in found or len(match[0]) < len(found[match[1]]):
                found[match[1]] = match[0].rstrip()
    return found


def diagnostic_page() -> Iterator[str]:
    yield "# Diagnostics\n"
    yield "Every mistake has a code that stays the same from version to version.\n"
    yield "| code | what is wrong |\n|---|---|"
    titles = {**CODES, **codes.TITLES, **timeline_codes.TITLES, **lint.titles()}
    yield from (f"| {code} | {cell(capital(title))} |" for code, title in sorted(titles.items()))
    yield "\n## As they read\n"
    yield "From tests that compare them to the letter.\n"
    goldens = seen_in_goldens()
    assert set(titles) <= set(goldens), f"no test shows {sorted(set(titles) - set(goldens))}"
    for code in sorted(titles):
        yield f"### {code}\n\n```text\n{goldens[code]}\n```\n"


def lint_check(name: str, check: Check) -> Iterator[str]:
    yield f"## {name}\n"
    yield f"{check.code}, {check.severity}: {check.summary}. {check.why}\n"
    yield f"```yaml\n# found{check.bad}```\n"
    yield f"```yaml\n# not found{check.good}```\n"


def lint_page() -> Iterator[str]:
    yield "# Checks of `swctl lint`\n"
    yield "What to do with what they find: [before the merge](../tools.md#lint).\n"
    for name, check in sorted(lint.checks().items()):
        yield from lint_check(name, check)


def corpus_page() -> Iterator[str]:
    """The rules of tests/corpus with what stands beside their names: `- alarm: NAME   # COLLECTION: TITLE`."""
    yield "# Rules of the corpus\n"
    yield "Rules of public collections in our language, in `tests/corpus/`, each with tests; see"
    yield "[practice](../practice.md).\n"
    for path in sorted((ROOT / "tests" / "corpus" / "rules.d").glob("*.yaml")):
        if path.name.endswith("_test.yaml"):
            continue
        yield f"## {capital(path.stem.replace('_', ' '))}\n"
        yield "| rule | condition | from |\n|---|---|---|"
        yield from (corpus_row(item) for item in path.read_text(encoding="utf-8").split("\n  - alarm: ")[1:])
        yield ""


def corpus_row(item: str) -> str:
    head, *lines = item.splitlines()
    name, _, origin = head.partition("   # ")
    said = [line.strip() for line in lines]
    start = next(i for i, line in enumerate(said) if line.startswith(("when:", "levels:", "sequence:")))
    levels = [line for line in said[start + 1 :] if line.partition(":")[0] in ("critical", "warning")]
    steps = [line.removeprefix("- ") for line in said if line.startswith("- ")]
    condition = said[start].removeprefix("when: ")
    condition = {"levels:": "; ".join(levels), "sequence:": ", then ".join(steps)}.get(condition, condition)
    values = {line.partition(": ")[0]: line.partition(": ")[2] for line in said[1:start] if ": " in line}
    for value, meaning in values.items():
        condition = condition.replace(f" {value} ", f" {meaning} ")
    return f"| `{name.strip()}` | `{cell(condition)}` | {cell(origin)} |"


def mistakes_page() -> Iterator[str]:
    """What a newcomer writes and what we print, from a transcript that a test plays (tests/cases/cli/)."""
    transcript = ROOT / "tests" / "cases" / "cli" / "040_ten_mistakes.txt"
    _, *lines = transcript.read_text(encoding="utf-8").splitlines()
    command = next(i for i, line in enumerate(lines) if line.startswith("$ "))
    yield "# Mistakes of a newcomer\n"
    yield "What people write in their first hour, and what `swctl validate` says. A test plays it word for word.\n"
    yield "```yaml\n" + "\n".join(lines[1:command]) + "\n```\n"
    yield "```text\n" + "\n".join(line for line in lines[command:] if line != "[1]") + "\n```"


QUERIES = {
    "Events a second, by source": "sum by (source) (rate(streamwatchd_events_total[5m]))",
    "Share of late events, by source": "sum by (source) (rate(streamwatchd_late_total[5m])) / "
    "sum by (source) (rate(streamwatchd_events_total[5m]))",
    "Records that wait to be read": "sum by (topic) (streamwatchd_consumer_lag_records)",
    "Shards that are not at work": "streamwatchd_worker_up == 0",
    "Rules that fire most": 'topk(10, sum by (rule) (increase(streamwatchd_alerts_total{event="fired"}[1d])))',
    "Files of rules that are refused": "streamwatchd_refused_files > 0",
}
"""What an operator asks first."""


def metric_row(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    return f"| `{PREFIX}{metric.name}` | {metric.kind} | {labels} | {cell(metric.help)} |"


def metric_page() -> Iterator[str]:
    yield "# Metrics\n"
    yield "Served at `/metrics` of `listen`, as Prometheus reads it. What a worker says carries its `shard` besides."
    yield "Labels hold names from configuration, rules and Kafka, and fixed words, never values of events.\n"
    yield "| metric | kind | labels | meaning |\n|---|---|---|---|"
    yield from map(metric_row, METRICS.values())
    yield "\n## Questions to ask of them\n"
    yield "In PromQL.\n"
    yield "| question | query |\n|---|---|"
    for question, query in QUERIES.items():
        names = set(re.findall(rf"{PREFIX}(\w+?)(?:_bucket)?\b", query))
        assert names <= METRICS.keys(), f"no metrics {names - METRICS.keys()}"
        yield f"| {question} | `{cell(query)}` |"


def self_alert_row(condition: Condition) -> str:
    message = condition.message.replace("{", "‹").replace("}", "›")
    cells = (f"`streamwatchd.{condition.name}`", condition.severity, message, condition.way_out)
    return "| " + " | ".join(map(cell, cells)) + " |"


def self_alert_page() -> Iterator[str]:
    yield "# Self-alerts\n"
    yield "What the daemon says of itself, in the form of [alerts](../outputs.md#the-daemon-on-itself)."
    yield "Limits are set under `self_alerts:`; see [files and fields](files.md#self-alerts).\n"
    yield "| rule | severity | says | what to do |\n|---|---|---|---|"
    yield from map(self_alert_row, CONDITIONS)


# --- writing ---------------------------------------------------------------------------------------------------------


def page(lines: Iterable[str]) -> str:
    title, *rest = lines
    return title + "\n" + NOTE + "\n" + "\n".join(rest).rstrip() + "\n"


def json_schema(title: str, content: Record) -> str:
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title.partition(":")[0]}
    return json.dumps(head | fields.schema(content), indent=2, ensure_ascii=False) + "\n"


def control_schema() -> str:
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "A record of the control topic"}
    return json.dumps(head | control_records.schema(), indent=2, ensure_ascii=False) + "\n"


def generated() -> dict[Path, str]:
    """What every generated file should hold."""
    pages = {
        "files": file_page(),
        "functions": function_page(),
        "diagnostics": diagnostic_page(),
        "lint": lint_page(),
        "corpus": corpus_page(),
        "mistakes": mistakes_page(),
        "metrics": metric_page(),
        "self-alerts": self_alert_page(),
    }
    found = {ROOT / "docs" / "reference" / f"{name}.md": page(lines) for name, lines in pages.items()}
    schemas = {ROOT / "schemas" / f"{name}.json": json_schema(*about) for name, about in FILES.items()}
    schemas[ROOT / "schemas" / "control.json"] = control_schema()
    return found | schemas


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when something is stale")
    check = parser.parse_args().check
    stale = [
        (path, text)
        for path, text in generated().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    for path, text in stale:
        print(f"{'stale' if check else 'written'}: {path.relative_to(ROOT)}")
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if check and stale:
        print("run `make generate`")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
