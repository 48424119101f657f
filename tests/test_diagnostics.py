"""A diagnostic as people read it."""

from __future__ import annotations

import pytest

from streamwatchd.diagnostics import Diagnostic, Severity, Span, did_you_mean, render


def test_the_full_form_shows_place_line_carets_and_way_out() -> None:
    """Carets stand under the very characters."""
    line = "    when: cpuu > 85%"
    found = Diagnostic(
        "SW202", "unknown field `cpuu`", Span("rules.d/a.yaml", 7, 11, 7, 15), "no such field",
        "did you mean `cpu`?", "cpu_high", source_line=line,
    )  # fmt: skip
    assert render(found).splitlines() == [
        "error[SW202]: unknown field `cpuu`",
        "  --> rules.d/a.yaml:7:11 (rule cpu_high)",
        "7 |     when: cpuu > 85%",
        "  |           ^^^^ no such field",
        "   = hint: did you mean `cpu`?",
    ]


def test_a_place_over_several_lines_is_marked_to_the_end_of_its_first() -> None:
    """And at least by one caret."""
    span = Span("a.yaml", 1, 3, 4, 1)
    assert render(Diagnostic("X", "m", span, source_line="abcdef\n")).splitlines()[-1] == "  |   ^^^^"
    empty = Span("a.yaml", 1, 3, 1, 3)
    assert render(Diagnostic("X", "m", empty, source_line="ab")).splitlines()[-1] == "  |   ^"


def test_tabs_do_not_move_the_carets() -> None:
    """A tab counts as one column, in the line as in the marks."""
    lines = render(Diagnostic("X", "m", Span("a", 1, 2, 1, 4), source_line="\tab")).splitlines()
    assert lines[-2:] == ["1 |  ab", "  |  ^^"]


def test_a_finding_without_a_place_is_its_message() -> None:
    """A warning says that it is one, and is no error."""
    found = Diagnostic("SW300", "no rules found", severity=Severity.WARNING)
    assert render(found) == "warning[SW300]: no rules found"
    assert not found.is_error


def test_places_sort_by_file_then_line_then_column() -> None:
    """The order in which people mend them."""
    spans = [Span("b", 1, 1, 1, 2), Span("a", 10, 1, 10, 2), Span("a", 2, 9, 2, 10), Span("a", 2, 3, 2, 4)]
    assert [str(span) for span in sorted(spans)] == ["a:2:3", "a:2:9", "a:10:1", "b:1:1"]


@pytest.mark.parametrize(
    ("word", "known", "hint"),
    [("latncy", ["latency", "status"], "did you mean `latency`?"), ("xyz", ["latency"], ""), ("x", [], "")],
)
def test_did_you_mean_names_only_what_is_near(word: str, known: list[str], hint: str) -> None:
    """Nothing is better than a wild guess."""
    assert did_you_mean(word, known) == hint
