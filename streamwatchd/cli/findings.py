"""Diagnostics as programs read them: JSON, GitHub's annotations, SARIF for code scanning, JUnit for CI."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

import click

import streamwatchd
from streamwatchd.cli.project import print_diagnostics
from streamwatchd.diagnostics import Diagnostic, as_json, render

OUTPUTS = ("text", "json", "github", "sarif", "junit")
SARIF = "https://json.schemastore.org/sarif-2.1.0.json"

_IN_VALUES = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_IN_PROPERTIES = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A", ":": "%3A", ",": "%2C"})


def report(
    found: Sequence[Diagnostic], files: Iterable[str], output: str, titles: Mapping[str, str], summary: str
) -> None:
    """Print `found` of `files`; `titles` are the sentences of codes. The summary goes with text, and with GitHub's."""
    match output:
        case "json":
            click.echo(_json(found, len(list(files))))
        case "github":
            for each in found:
                click.echo(_annotation(each))
            click.echo(summary)
        case "sarif":
            click.echo(json.dumps(_sarif(found, titles), indent=2, ensure_ascii=False))
        case "junit":
            click.echo(_junit(found, files))
        case _:
            print_diagnostics(found)
            click.echo(summary)


def _json(found: Sequence[Diagnostic], files: int) -> str:
    errors = sum(each.is_error for each in found)
    document = {
        "files": files,
        "errors": errors,
        "warnings": len(found) - errors,
        "problems": [as_json(each) for each in found],
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def _annotation(each: Diagnostic) -> str:
    """A workflow command (https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions)."""
    properties: dict[str, object] = {}
    if each.span is not None:
        properties = {"file": each.span.file, "line": each.span.line, "endLine": each.span.end_line}
        if each.span.line == each.span.end_line:
            properties |= {"col": each.span.column, "endColumn": each.span.end_column}
    properties["title"] = each.code
    listed = ",".join(f"{name}={str(value).translate(_IN_PROPERTIES)}" for name, value in properties.items())
    return f"::{each.severity} {listed}::{_sentence(each).translate(_IN_VALUES)}"


def _sentence(each: Diagnostic) -> str:
    return f"{each.message}\n{each.hint}" if each.hint else each.message


def _sarif(found: Sequence[Diagnostic], titles: Mapping[str, str]) -> dict[str, Any]:
    """One run (https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html)."""
    codes = sorted({each.code for each in found})
    rules = [{"id": code, "shortDescription": {"text": titles.get(code, code)}} for code in codes]
    driver = {"name": "swctl", "semanticVersion": streamwatchd.__version__, "rules": rules}
    results = [_result(each, codes.index(each.code)) for each in found]
    return {
        "$schema": SARIF,
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}],
    }


def _result(each: Diagnostic, number: int) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": each.code,
        "ruleIndex": number,
        "level": str(each.severity),
        "message": {"text": _sentence(each)},
    }
    if each.span is not None:
        region = {
            "startLine": max(1, each.span.line),
            "startColumn": max(1, each.span.column),
            "endLine": max(1, each.span.end_line),
            "endColumn": max(1, each.span.end_column),
        }
        place = {"artifactLocation": {"uri": each.span.file}, "region": region}
        result["locations"] = [{"physicalLocation": place}]
    return result


def _junit(found: Sequence[Diagnostic], files: Iterable[str]) -> str:
    """One case a file; warnings do not fail it, and stand in its output."""
    names = sorted({*files, *(_file(each) for each in found)})
    errors = {_file(each) for each in found if each.is_error}
    totals = {"tests": str(len(names)), "failures": str(len(errors)), "errors": "0"}
    root = ElementTree.Element("testsuites", totals)
    suite = ElementTree.SubElement(root, "testsuite", {"name": "swctl", **totals})
    for name in names:
        case = ElementTree.SubElement(suite, "testcase", {"classname": "swctl", "name": name, "file": name})
        mine = [each for each in found if _file(each) == name]
        for each in mine:
            if each.is_error:
                element = ElementTree.SubElement(case, "failure", {"message": each.message, "type": each.code})
                element.text = render(each)
        warnings = [render(each) for each in mine if not each.is_error]
        if warnings:
            ElementTree.SubElement(case, "system-out").text = "\n\n".join(warnings)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True)


def _file(each: Diagnostic) -> str:
    return each.span.file if each.span is not None else "project"
