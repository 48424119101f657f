"""Every code has an expression that earns it, at the right place, with a way out."""

from __future__ import annotations

import pytest

from streamwatchd.functions import signatures
from streamwatchd.lang import check, check_template, codes
from streamwatchd.lang.problem import Problem
from streamwatchd.lang.scope import Scope
from streamwatchd.lang.typed import Kind

WARNINGS = {"SW203", "SW223", "SW224", "SW226"}

# code, scope, text with the place between « and », a part of message, label or hint


CASES = [
    ("SW101", "row", "cpu > «and» mem > 5", "can't stand here"),
    ("SW101", "row", "cpu >«»", "something is missing after `>`"),
    ("SW101", "row", "cpu > 85 %«»", "without a space: `85%`"),
    ("SW101", "row", "latency > 5 «ms»", "without a space: `5ms`"),
    ("SW101", "row", "service == billing «team»", "quotes around a text of several words"),
    ("SW101", "row", "«in» > 5", "in back-ticks"),
    ("SW101", "row", "cpu > 5 «for» 5m", "`C for 5m until C for 2m`"),
    ("SW102", "row", "« »", "empty"),
    ("SW103", "row", "«(»cpu > 5", "add `)`"),
    ("SW103", "row", "cpu > 5«)»", "remove it"),
    ("SW103", "row", "cpu in (1, 2«]»", "close `(` first"),
    ("SW104", "row", 'service == «"billing»', "never closed"),
    ("SW106", "row", "cpu > 5 «&&» mem > 5", "write `and`"),
    ("SW106", "row", "«!»up", "write `not`"),
    ("SW106", "row", "service «=~» 'a'", "write `~`"),
    ("SW107", "row", "1 < cpu «<» 5", "join two comparisons"),
    ("SW108", "row", "latency > «5sek»", "did you mean `sec`"),
    ("SW108", "row", "total > «1e999»", "too large"),
    ("SW109", "alarm", "avg(cpu over «5») > 1", "`5s` or `5m`"),
    ("SW109", "alarm", "avg(cpu over «0s») > 1", "longer than zero"),
    ("SW109", "alarm", "avg(cpu over «5%») > 1", "durations are"),
    ("SW110", "alarm", "avg(cpu over 5m «over» 1h) > 1", "stands twice"),
    ("SW201", "closed", "«cpx» > 5", "did you mean `cpu`"),
    ("SW201", "row", "«devices.rolle» == 'a'", "did you mean `role`"),
    ("SW201", "closed", "«zzz» > 5", "known here: `cpu`"),
    ("SW202", "row", "«cpi» > 5", "did you mean `cpu`"),
    ("SW202", "row", "«sevrice» == 'a'", "did you mean `service`"),
    ("SW202", "alarm", "avg(«cpi» over 5m) > 85%", "did you mean `cpu`"),
    ("SW202", "row", "cpu > 85% and «latncy» > 400ms", "did you mean `latency`"),
    ("SW203", "row", "«queue_len» > 5", "declare it"),
    ("SW204", "alarm", "«cpu» > 5", "`last(cpu over 5m)`"),
    ("SW204", "kpi", "100 - «cpu»", "`last(cpu)`"),
    ("SW204", "open_alarm", "«foo» > 5", "`last(foo over 5m)`"),
    ("SW205", "clash", "«site» == 'a'", "`devices.site` or `sites.site`"),
    ("SW206", "open_row", "x > 5 and «x == 'a'»", "a number and as text"),
    ("SW206", "open_row", "y ~ 'a' and -«y» > 5", "text and as a number"),
    ("SW207", "row", "«service > 3»", 'in quotes: `"3"`'),
    ("SW207", "row", "«cpu == '3'»", "without quotes: `3`"),
    ("SW207", "row", "«cpu > limit»", "read as text"),
    ("SW207", "row", "«service > 'a'»", "orders numbers"),
    ("SW207", "row", "service == a or «'b'»", "service in (a, b)"),
    ("SW207", "row", "«service» + 1 > 3", "`+` needs a number"),
    ("SW207", "alarm", "avg(«service» over 5m) > 1", "`avg` needs a number"),
    ("SW207", "alarm", "ratio(«cpu» over 5m) > 1%", "give it a condition"),
    ("SW207", "row", "coalesce(cpu, «'x'») > 1", "one type"),
    ("SW207", "row", "round(cpu, «mem») > 1", "must be a constant"),
    ("SW208", "row", "«cpu»", "compare it"),
    ("SW208", "row", "«'text'»", "must be true or false"),
    ("SW209", "row", "«latency > 85%»", "such as `5ms`"),
    ("SW209", "row", "«cpu > latency»", "units differ in kind"),
    ("SW209", "row", "«octets + 5s» > 3", "units differ in kind"),
    ("SW210", "row", "«total > 5%»", "`fields: {total: {type: float, unit: percent}}`"),
    ("SW210", "open_row", "«lag > 400ms»", "`fields: {lag: {type: float, unit: ms}}`"),
    ("SW210", "row", "«weight > 5%»", "column `weight` of table `devices`"),
    ("SW210", "alarm", "«count(over 5m) > 5%»", "write a plain number"),
    ("SW211", "row", "cpu == «null»", "`x is null`"),
    ("SW212", "row", "service ~ «'('»", "not a regular expression"),
    ("SW212", "row", "service ~ «core»", 'in quotes: `~ "core"`'),
    ("SW213", "row", "service ~ «'(a+)+$'»", "exponential"),
    ("SW214", "row", "service in (a, «host»)", "constants only"),
    ("SW214", "row", "service in (a, «5»)", "this is a number"),
    ("SW215", "row", "«qqq»(cpu) > 5", "there are"),
    ("SW215", "alarm", "«mean»(cpu over 5m) > 5", "write `avg`"),
    ("SW215", "alarm", "«AVG»(cpu over 5m) > 5", "write `avg`"),
    ("SW215", "alarm", "«averag»(cpu over 5m) > 5", "did you mean `avg`"),
    ("SW215", "alarm", "«flatline»(cpu over 5m)", "say it as `changes(x over 1h) == 0"),
    ("SW215", "alarm", "«cardinality»(host over 5m) > 5", "write `distinct`"),
    ("SW215", "alarm", "«p100»(cpu over 5m) > 5", "`min` and `max`"),
    ("SW216", "alarm", "«avg(over 5m)» > 5", "takes 1 argument, not 0"),
    ("SW216", "alarm", "«avg(cpu, mem over 5m)» > 5", "no commas"),
    ("SW216", "alarm", "«avg(cpu, 5m)» > 5", "no commas"),
    ("SW216", "row", "«least(cpu)» > 5", "at least 2"),
    ("SW216", "alarm", "avg(cpu over 5m in «1h») > 5", "takes no `in`"),
    ("SW217", "row", "«abs(cpu over 5m)» > 5", "works on one value"),
    ("SW218", "row", "«avg(cpu over 5m)» > 5", "only one"),
    ("SW218", "alarm", "max(«avg(cpu over 5m)» over 1h) > 5", "make the inner one a KPI"),
    ("SW219", "alarm", "«avg(cpu)» > 5", "`avg(cpu over 5m)`"),
    ("SW219", "alarm", "«count(where cpu > 5)» > 5", "`count(where cpu > 5 over 5m)`"),
    ("SW220", "alarm", "sum(cpu over 5m by «hots») > 5", "did you mean `host`"),
    ("SW216", "alarm", "«predict(cpu over 1h)» > 5", "write `predict(x over 1h in 4h)`"),
    ("SW228", "alarm", "rate(«octets» over 5m) > 5", "declare it"),
    ("SW228", "alarm", "increase(«cpu * 8» over 5m) > 5", "the counter alone"),
    ("SW221", "alarm", "«firing(site_down)» or «during(maintenance)»", "not supported yet"),
    ("SW217", "alarm", "«usual(cpu over 5m)» > 5", "usual(avg(x over 5m))"),
    ("SW207", "alarm", "usual(«5») > 5", "the name of a value"),
    ("SW222", "row", "«cpu / 0» > 5", "divides by zero"),
    ("SW223", "row", "«5 > 3»", "always true"),
    ("SW224", "row", "error_rate > «5»", "write `5%`"),
    ("SW225", "alarm", "count(«cpu > 5» over 5m) > 5", "count(where …)"),
    ("SW227", "row", "host = «core-1»", '`"core-1"`'),
    ("SW227", "row", "host in (a, «core-edge»)", '`"core-edge"`'),
    ("SW101", "row", "host = «/»var", "in quotes"),
    ("SW226", "open_alarm", "count(«user» over 5m) > 5", "declare it"),
]


TEMPLATES = [
    ("SW111", "CPU «{»cpu5", "never closed"),
    ("SW111", "CPU cpu5«}»", "closes nothing"),
    ("SW111", "CPU «{ }»", "nothing stands between"),
    ("SW112", "CPU {cpu5:«q»}", "no format for a number"),
    ("SW112", "CPU {host:«.1f»}", "no format for text"),
    ("SW201", "CPU {cpu5} on {«hst.x»}", "unknown name"),
]


def places(marked: str) -> tuple[str, list[tuple[int, int]]]:
    """The text without its marks, and where they stood."""
    found, text = [], marked
    while "«" in text:
        start = text.index("«")
        text = text.replace("«", "", 1)
        end = text.index("»")
        text = text.replace("»", "", 1)
        found.append((start, end))
    return text, found


def all_words(problem: Problem) -> str:
    return f"{problem.message} | {problem.label} | {problem.hint}"


@pytest.mark.parametrize(("code", "scope", "marked", "words"), CASES)
def test_a_mistake_has_its_code_place_and_way_out(
    scopes: dict[str, Scope], code: str, scope: str, marked: str, words: str
) -> None:
    """Nothing but the expected problem is reported, where the reader looks for it."""
    text, expected = places(marked)
    kind = None if scope == "kpi" else Kind.BOOL
    checked = check(text, scopes[scope], kind, signatures())
    found = [problem for problem in checked.problems if problem.code not in WARNINGS or code in WARNINGS]
    assert [(problem.code, problem.start, problem.end) for problem in found] == [(code, *each) for each in expected]
    assert words in all_words(found[0])
    assert (checked.expr is None) == (code not in WARNINGS)
    assert found[0].is_error == (code not in WARNINGS)


@pytest.mark.parametrize(("code", "marked", "words"), TEMPLATES)
def test_a_mistake_in_a_message_has_its_place(alarm: Scope, code: str, marked: str, words: str) -> None:
    """Offsets count from the start of the message, not of the placeholder."""
    text, [(start, end)] = places(marked)
    checked = check_template(text, alarm)
    (problem,) = checked.problems
    assert (problem.code, problem.start, problem.end) == (code, start, end)
    assert words in all_words(problem)
    assert checked.template is None


@pytest.mark.parametrize("text", ["(" * 10_000 + "cpu" + ")" * 10_000, "not " * 10_000 + "up", "-" * 9_999 + "cpu > 1"])
def test_deep_nesting_is_a_problem_not_a_crash(row: Scope, text: str) -> None:
    """Ten thousand levels of anything give one SW105."""
    assert [problem.code for problem in check(text, row, Kind.BOOL).problems] == ["SW105"]


def test_a_very_long_expression_is_refused_before_it_is_parsed(row: Scope) -> None:
    """Length has a bound."""
    assert [problem.code for problem in check("cpu > 1 or " * 50_000, row).problems] == ["SW105"]


def test_every_code_is_tried() -> None:
    """The table of codes and the cases above name the same codes."""
    elsewhere = {"SW105"}
    assert {case[0] for case in CASES} | {case[0] for case in TEMPLATES} | elsewhere == set(codes.CODES)
