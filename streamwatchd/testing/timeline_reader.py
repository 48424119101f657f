"""Files of tests → suites, with every mistake of form and of names."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from os.path import normpath
from pathlib import Path

from streamwatchd.diagnostics import Diagnostic, did_you_mean
from streamwatchd.enrichment.problems import TableRefused
from streamwatchd.enrichment.reader import read_table
from streamwatchd.enrichment.table import TableData
from streamwatchd.rules import document
from streamwatchd.rules.document import Document, Node, Scalar, Sequence
from streamwatchd.rules.files import read_content
from streamwatchd.rules.form import Findings, Read, fits, read
from streamwatchd.rules.loader import Loaded
from streamwatchd.rules.reader import parse
from streamwatchd.rules.ruleset import Rule, Table
from streamwatchd.rules.written import SHARED_NAME
from streamwatchd.testing import timeline_codes as codes
from streamwatchd.testing.timeline import START_MS, Act, Case, Event, Expectation, Skew, Suite
from streamwatchd.testing.timeline_expectations import ExpectationReader
from streamwatchd.testing.timeline_patch import edit_problems
from streamwatchd.testing.timeline_rows import RowReader
from streamwatchd.testing.timeline_spec import TEST, TEST_FILE
from streamwatchd.testing.timeline_times import absolute, instant

TEST_SUFFIXES = ("_test.yaml", "_test.yml")


def rules_folder(config: Path, rules_dir: Path | None, loaded: Loaded) -> Path:
    """The folder of rules, as paths below it are written in diagnostics."""
    if rules_dir is not None or loaded.settings is None:
        return rules_dir or config.parent / "rules.d"
    base = config.parent.absolute()
    folder = loaded.settings.rules_dir
    return config.parent / folder.relative_to(base) if folder.is_relative_to(base) else folder


def suite_paths(folder: Path, loaded: Loaded) -> list[str]:
    """All files of tests below the folder of rules, and the rules files with `tests:` of their own."""
    hidden = (path for path in folder.rglob("*") if path.name.endswith(TEST_SUFFIXES) and path.is_file())
    found = [path for path in hidden if not any(part.startswith(".") for part in path.relative_to(folder).parts)]
    inline = [path for path, content in loaded.files.items() if path.startswith(f"{folder}/") and b"tests:" in content]
    return sorted({*map(str, found), *(path for path in inline if _has_tests(path, loaded.files[path]))})


def read_suite(path: str, loaded: Loaded) -> Suite:
    """The tests in a file, checked against the project's rules; a file that can't be read has only problems."""
    content = loaded.files.get(path) or read_content(path)
    if isinstance(content, Diagnostic):
        return Suite(path, None, (), (content,))
    parsed = parse(path, content)
    findings = Findings(parsed)
    if path.endswith(TEST_SUFFIXES):
        findings.problems.extend(parsed.diagnostics)
    if parsed.top is None:
        return Suite(path, None, (), tuple(findings.problems))
    return _SuiteReader(path, loaded, findings).read(parsed, parsed.top)


def _has_tests(path: str, content: bytes) -> bool:
    top = parse(path, content).top
    return top is not None and top.get("tests") is not None


@dataclass(frozen=True, slots=True)
class _SuiteReader:
    path: str
    loaded: Loaded
    findings: Findings

    def read(self, parsed: Document, top: document.Mapping) -> Suite:
        models = ""
        if self.path.endswith(TEST_SUFFIXES):
            body = read(top, TEST_FILE, self.findings)
            models = normpath(Path(self.path).parent / body.text("models")) if "models" in body else ""
            rules = self._rules(body) if body.scalars("rules") else None
            tests = body.values.get("tests")
        else:
            rules, tests = frozenset({self.path}), top.get("tests")
            declared = TEST_FILE.field("tests")
            assert declared is not None
            if tests is None or not fits(tests, declared.form, "`tests`", self.findings):
                tests = None
        items = tests.items if isinstance(tests, Sequence) else ()
        cases = tuple(self._case(item, rules) for item in items if isinstance(item, document.Mapping))
        if not any(each.is_error for each in self.findings.problems):
            for case in cases:
                for span, message in edit_problems(case, self.loaded):
                    self.findings.add(codes.BAD_CHANGE, message, span or case.span)
        return Suite(self.path, rules, cases, tuple(self.findings.problems), models)

    def _rules(self, body: Read) -> frozenset[str]:
        """The rules files named, as paths of the project."""
        folder = rules_folder(self.loaded.config, self.loaded.rules_dir, self.loaded)
        known = {rule.span.file for rule in self.loaded.ruleset.rules} | set(self.loaded.refused)
        known |= {path for path in self.loaded.files if Path(path).is_relative_to(folder)}
        known.discard(str(folder / SHARED_NAME))
        found: set[str] = set()
        for scalar in body.scalars("rules"):
            path = normpath(Path(self.path).parent / scalar.text)
            if path not in {normpath(each) for each in known}:
                beside = [Path(each).name for each in known if Path(each).parent == Path(self.path).parent]
                hint = did_you_mean(scalar.text, beside) or "paths are seen from the folder of this file"
                if Path(path).name == SHARED_NAME:
                    hint = "take it out: its words hold for the rules of all files anyway"
                message = f"`{scalar.text}` is no rules file of this project"
                self.findings.add(codes.UNKNOWN_RULES_FILE, message, scalar.span, hint=hint)
            found.update(each for each in known if normpath(each) == path)
        return frozenset(found)

    def _case(self, node: document.Mapping, rules: frozenset[str] | None) -> Case:
        body = read(node, TEST, self.findings)
        start_ms = self._start(body)
        tables = {key.text: table for key, rows in body.entries("tables") if (table := self._table(key, rows))}
        events: list[Event] = []
        acts: list[Act] = []
        mine, _ = _split(self.loaded.ruleset.rules, rules)
        reader = RowReader(self.loaded.ruleset.sources, start_ms, self.findings, events, acts, mine)
        for row in _rows(body, "events"):
            reader.read(row)
        events = [_skewed(event, reader.skews) for event in events]
        case = Case(
            body.text("name"),
            node.span,
            start_ms=start_ms,
            tables=tables,
            events=sorted(events, key=lambda event: event.at_ms),
            acts=sorted(acts, key=lambda act: act.at_ms),
            until_ms=instant(body.scalar("until"), "until", start_ms, self.findings),
            exact=body.truth("exact"),
        )
        return self._with_expectations(case, body, rules)

    def _with_expectations(self, case: Case, body: Read, rules: frozenset[str] | None) -> Case:
        mine, others = _split(self.loaded.ruleset.rules, rules)
        reader = ExpectationReader(
            mine, others, self.loaded.ruleset.sources, case.start_ms, self.findings, bool(self.loaded.refused)
        )

        def expectations(name: str) -> tuple[Expectation, ...]:
            return tuple(found for row in _rows(body, name) if (found := reader.read(row)))

        expect, expect_no = expectations("expect"), expectations("expect_no")
        if "expect" not in body and "expect_no" not in body:
            hint = "add `expect:` or `expect_no:`"
            self.findings.add(codes.NO_EXPECTATION, f"the test `{case.name}` expects nothing", case.span, hint=hint)
        return replace(case, expect=expect, expect_no=expect_no)

    def _start(self, body: Read) -> int:
        scalar = body.scalar("start")
        if scalar is None:
            return START_MS
        found = absolute(scalar.text)
        if found is None:
            hint = "such as `2026-01-05T00:00:00Z`"
            self.findings.add(codes.BAD_INSTANT, f"`{scalar.text}` is no time", scalar.span, hint=hint)
        return START_MS if found is None else found

    def _table(self, key: Scalar, rows: Node) -> TableData | None:
        """The rows as the table's content; columns that they lack are null."""
        table = self.loaded.ruleset.tables.get(key.text)
        if table is None:
            known = self.loaded.ruleset.tables
            hint = did_you_mean(key.text, known) or f"tables: {', '.join(known)}"
            self.findings.add(codes.BAD_TABLE_ROWS, f"there is no table `{key.text}`", key.span, hint=hint)
            return None
        items = rows.items if isinstance(rows, Sequence) else None
        if items is None or not all(isinstance(item, document.Mapping) for item in items):
            hint = f"such as `[{{{table.key}: …}}]`"
            self.findings.add(codes.BAD_TABLE_ROWS, f"`{key.text}` needs a list of rows", rows.span, hint=hint)
            return None
        return self._content(table, key, [self._cells(table, item) for item in items])  # type: ignore[arg-type]

    def _cells(self, table: Table, row: document.Mapping) -> dict[str, object]:
        cells: dict[str, object] = dict.fromkeys([table.key, *table.columns])
        for column, node in row.entries:
            if column.text not in cells:
                hint = did_you_mean(column.text, cells) or f"columns: {', '.join(cells)}"
                message = f"`{table.name}` has no column `{column.text}`"
                self.findings.add(codes.BAD_TABLE_ROWS, message, column.span, hint=hint)
            elif isinstance(node, Scalar):
                cells[column.text] = node.value
        return cells

    def _content(self, table: Table, key: Scalar, rows: list[dict[str, object]]) -> TableData | None:
        content = json.dumps(rows).encode()
        try:
            return read_table("rows.json", content, table.name, table.key, dict(table.columns)).data
        except TableRefused as refused:
            for problem in refused.problems:
                self.findings.add(codes.BAD_TABLE_ROWS, problem.message, key.span, hint=problem.hint)
            return None


def _skewed(event: Event, skews: Iterable[Skew]) -> Event:
    off = sum(skew.by_ms for skew in skews if skew.meets(event))
    return replace(event, time_ms=event.time_ms + off, skewed=True) if off else event


def _rows(body: Read, name: str) -> Iterable[document.Mapping]:
    node = body.values.get(name)
    return [item for item in node.items if isinstance(item, document.Mapping)] if isinstance(node, Sequence) else []


def _split(rules: Iterable[Rule], files: frozenset[str] | None) -> tuple[Mapping[str, Rule], Mapping[str, Rule]]:
    """Those of the files, and the others."""
    mine = {rule.name: rule for rule in rules if files is None or rule.span.file in files}
    return mine, {rule.name: rule for rule in rules if rule.name not in mine}
