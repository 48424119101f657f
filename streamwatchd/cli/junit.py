"""Test results as JUnit's XML, as CI systems read it (https://github.com/testmoapp/junitxml)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from xml.etree import ElementTree

from streamwatchd.testing.timeline import Case, Suite
from streamwatchd.testing.timeline_match import Failure


@dataclass(frozen=True, slots=True)
class Result:
    """One test that ran; it passed if there are no failures."""

    suite: Suite
    case: Case
    failures: tuple[Failure, ...]
    seconds: float


def junit(results: Sequence[Result]) -> str:
    """One suite a file, one case a test."""
    root = ElementTree.Element("testsuites", _totals(results))
    for path, group in groupby(results, key=lambda result: result.suite.path):
        members = list(group)
        suite = ElementTree.SubElement(root, "testsuite", {"name": path, **_totals(members)})
        for result in members:
            _case(suite, result)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True)


def _totals(results: Sequence[Result]) -> dict[str, str]:
    failed = sum(bool(result.failures) for result in results)
    seconds = sum(result.seconds for result in results)
    return {"tests": str(len(results)), "failures": str(failed), "errors": "0", "time": f"{seconds:.3f}"}


def _case(suite: ElementTree.Element, result: Result) -> None:
    span = result.case.span
    case = ElementTree.SubElement(
        suite,
        "testcase",
        {
            "classname": result.suite.path,
            "name": result.case.name,
            "file": span.file,
            "line": str(span.line),
            "time": f"{result.seconds:.3f}",
        },
    )
    for failure in result.failures:
        element = ElementTree.SubElement(case, "failure", {"message": failure.message})
        element.text = "\n".join([f"{failure.span}: {failure.message}", *failure.details])
