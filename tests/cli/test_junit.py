"""Test results for CI systems."""

from __future__ import annotations

from xml.etree import ElementTree

from streamwatchd.cli.junit import Result, junit
from streamwatchd.diagnostics import Span
from streamwatchd.testing.timeline import Case, Suite
from streamwatchd.testing.timeline_match import Failure

HERE = Span("a_test.yaml", 3, 1, 3, 1)


def test_one_suite_a_file_and_one_case_a_test() -> None:
    """Counts add up, and what could break XML is escaped."""
    suite = Suite("a_test.yaml", None, (), ())
    failure = Failure(HERE, 'did not come: {alarm: "<slow>"}', ("nearest: none & more",))
    results = [
        Result(suite, Case("good", HERE), (), 0.5),
        Result(suite, Case("bad", HERE), (failure,), 0.25),
        Result(Suite("b_test.yaml", None, (), ()), Case("good", HERE), (), 0.0),
    ]
    root = ElementTree.fromstring(junit(results))
    assert root.attrib == {"tests": "3", "failures": "1", "errors": "0", "time": "0.750"}
    assert [(each.get("name"), each.get("tests"), each.get("failures")) for each in root] == [
        ("a_test.yaml", "2", "1"),
        ("b_test.yaml", "1", "0"),
    ]
    (found,) = root.iter("failure")
    assert found.get("message") == 'did not come: {alarm: "<slow>"}'
    assert found.text == 'a_test.yaml:3:1: did not come: {alarm: "<slow>"}\nnearest: none & more'
