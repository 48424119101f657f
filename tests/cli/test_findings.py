"""Diagnostics as programs read them."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

from streamwatchd.cli.findings import report
from streamwatchd.diagnostics import Diagnostic, Severity, Span

FOUND = [
    Diagnostic("SW1", "100% is\n`bad`", Span("a,b.yaml", 3, 5, 3, 9), hint="mend: it", source_line="  x: y"),
    Diagnostic("SW2", "hm", severity=Severity.WARNING),
]


def printed(output: str, capsys: pytest.CaptureFixture[str]) -> str:
    report(FOUND, ["a,b.yaml", "c.yaml"], output, {"SW1": "what is bad"}, "2 files")
    return capsys.readouterr().out


def test_github_escapes_what_its_commands_part_by(capsys: pytest.CaptureFixture[str]) -> None:
    """Per cent and line ends in the text, colon and comma in the properties besides."""
    assert printed("github", capsys).splitlines() == [
        "::error file=a%2Cb.yaml,line=3,endLine=3,col=5,endColumn=9,title=SW1::100%25 is%0A`bad`%0Amend: it",
        "::warning title=SW2::hm",
        "2 files",
    ]


def test_sarif_has_a_rule_a_code_and_a_region_a_place(capsys: pytest.CaptureFixture[str]) -> None:
    """As code scanning wants it."""
    (run,) = json.loads(printed("sarif", capsys))["runs"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["SW1", "SW2"]
    assert run["tool"]["driver"]["rules"][0]["shortDescription"] == {"text": "what is bad"}
    first, second = run["results"]
    assert first["level"] == "error"
    assert first["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "a,b.yaml"},
        "region": {"startLine": 3, "startColumn": 5, "endLine": 3, "endColumn": 9},
    }
    assert "locations" not in second


def test_junit_fails_files_with_errors(capsys: pytest.CaptureFixture[str]) -> None:
    """A warning is said and fails nothing."""
    root = ElementTree.fromstring(printed("junit", capsys))
    assert root.attrib == {"tests": "3", "failures": "1", "errors": "0"}
    cases = {case.attrib["name"]: case for case in root.iter("testcase")}
    assert list(cases) == ["a,b.yaml", "c.yaml", "project"]
    failure = cases["a,b.yaml"].find("failure")
    assert failure is not None
    assert "error[SW1]" in (failure.text or "")
    assert cases["project"].find("failure") is None
    assert cases["project"].find("system-out") is not None


def test_json_counts(capsys: pytest.CaptureFixture[str]) -> None:
    """Errors and warnings."""
    document = json.loads(printed("json", capsys))
    assert (document["files"], document["errors"], document["warnings"]) == (2, 1, 1)
