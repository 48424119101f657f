"""Every check of the shelf, on the examples that it brings: the bad one has one finding, the good one none."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamwatchd.compiler import compile_project
from streamwatchd.diagnostics import Diagnostic
from streamwatchd.rules.lint import CHECKS
from streamwatchd.rules.lint._check import Seen, Subject
from streamwatchd.rules.lint._run import check_name, lint, titles
from streamwatchd.rules.reader import parse

CONFIG = """
kafka: {bootstrap.servers: "localhost:9092"}
sources:
  web:
    topic: web.requests
    time: ts
    key: shop
    fields:
      {shop: string, page: string, latency: {type: float, unit: ms}, status: int, sent: {type: counter, per: [shop]}}
"""
REQUESTS = """
source: web
rules: [{kpi: requests, by: shop, every: 1m, values: {total: count()}}]
"""
SEEN = {"web": Seen(5_000, {"shop": 5_000, "page": 5_000, "latency": 5_000, "status": 5_000, "request_id": 5_000},
                    {"shop": 4, "request_id": 5_000})}  # fmt: skip


def linted(folder: Path, text: str, only: str = "", seen: dict[str, Seen] | None = None) -> list[Diagnostic]:
    """What lint says of one file; `requests` is a KPI of another where it is read."""
    (folder / "rules.d").mkdir(exist_ok=True)
    config = folder / "streamwatchd.yaml"
    config.write_text(CONFIG)
    (folder / "rules.d" / "a.yaml").write_text(text)
    if "source: requests" in text:
        other = CONFIG.replace("web:", "unread:").replace("web.requests", "other") + "  web: {topic: web, time: ts}\n"
        config.write_text(other)
        (folder / "rules.d" / "requests.yaml").write_text(REQUESTS)
    loaded = compile_project(config, models="").loaded
    assert not [each for each in loaded.diagnostics if each.is_error], loaded.diagnostics
    documents = {path: parse(path, content) for path, content in loaded.files.items() if path.endswith(".yaml")}
    tested = frozenset({"failing"} if "tests:" in text else ())
    return lint(Subject(loaded.ruleset, documents, tested, seen), [only] if only else ())


@pytest.mark.parametrize("name", CHECKS)
def test_a_check_finds_its_bad_example_and_not_its_good_one(name: str, tmp_path: Path) -> None:
    """One finding, under the check's code, with a way out."""
    check = CHECKS[name]
    seen = SEEN if name == "unseen_field" else None
    (found,) = linted(tmp_path, check.bad, check_name(name), seen)
    assert (found.code, found.severity) == (check.code, check.severity)
    assert found.hint
    assert found.span is not None
    assert linted(tmp_path, check.good, check_name(name), seen) == []


def test_codes_are_unique() -> None:
    """And have a sentence each."""
    codes = [check.code for check in CHECKS.values()]
    assert len(set(codes)) == len(codes)
    assert set(codes) < set(titles())


BARE = """
source: web
every: 10s
rules:
  - alarm: slow
    by: {key}
    when: {when}
"""


@pytest.mark.parametrize(
    ("when", "names"),
    [
        ("avg(latency over 1m) > 9ms", []),
        ("max(latency over 1m) < 5ms and max(latency over 1m) >= 5ms", ["never-true"]),
        ("max(latency over 1m) <= 5ms and max(latency over 1m) >= 5ms", []),
        ("count(over 1m) < 0", ["never-true"]),
        ("ratio(status >= 500 over 1m) > 1 and count(over 1m) > 9", ["never-true"]),
        ("ratio(status >= 500 over 1m) <= 1 and count(over 1m) > 9", []),
        ("ratio(status >= 500 over 1m) <= 1 and count(over 1m) >= 0", ["always-true"]),
        ("max(latency over 1m) > 5ms or max(latency over 1m) <= 5ms", ["always-true"]),
        ("not (max(latency over 1m) > 5ms or max(latency over 1m) <= 5ms)", ["never-true"]),
        ("max(latency over 1m) > min(latency over 1m) and min(latency over 1m) > max(latency over 1m)", ["never-true"]),
        ("max(latency over 1m) > min(latency over 1m)", []),
        ("max(latency over 1m) is null and max(latency over 1m) > 5ms", ["never-true"]),
        ('last(page over 1m) in ("a", "b") and last(page over 1m) == "c"', ["never-true"]),
        ('last(page over 1m) in ("a", "b") and last(page over 1m) != "a"', []),
        ('last(page over 1m) == "a" and last(page over 1m) == "b"', ["never-true"]),
        ("max(latency over 1m) > 400ms until max(latency over 1m) > 300ms", ["never-true"]),
        ("max(latency over 1m) > 400ms until max(latency over 1m) < 500ms", ["raise-and-clear"]),
        ("max(latency over 1m) > 400ms until count(over 1m) < 5", []),
    ],
)
def test_bounds_are_understood(when: str, names: list[str], tmp_path: Path) -> None:
    """Over numbers, texts, nulls, and what is known of aggregates."""
    text = BARE.format(key="shop", when=when)
    found = {each.label for each in linted(tmp_path, text)} - {"owner", "message", "untested", "small-share"}
    assert sorted(found) == names


@pytest.mark.parametrize(
    ("when", "found"),
    [
        ("distinct(page over 61m) > distinct(page over 60m ago 1m)", 1),
        ("distinct(page over 61m) - distinct(page over 60m ago 1m) >= 1", 1),
        ("distinct(page over 61m) > 5 + distinct(page over 60m ago 1m)", 1),
        ("distinct(page over 61m) > 2 * distinct(page over 60m ago 1m)", 0),
        ("distinct(page over 61m) > distinct(status over 61m)", 0),
        ("distinct(page over 61m) > 2000", 0),
        ("distinct(page over 61m) > distinct(page over 60m ago 1m) and distinct(page over 61m) <= 900", 0),
        ("distinct(page over 61m) > distinct(page over 60m ago 1m) and distinct(page over 61m) <= 1024", 1),
        ("distinct(page over 61m) > distinct(page over 60m ago 1m) or distinct(page over 61m) <= 900", 1),
    ],
)
def test_counts_of_different_values_are_compared_where_they_are_exact(when: str, found: int, tmp_path: Path) -> None:
    """A factor leaves room for the error of an estimate, and so does a bound that no estimate meets."""
    text = BARE.format(key="shop", when=when)
    assert len(linted(tmp_path, text, "distinct-difference")) == found


def test_a_kpi_subtracts_counts_of_different_values(tmp_path: Path) -> None:
    """Its values are looked at as well as its condition."""
    value = "distinct(page) - distinct(page where status == 200)"
    text = f"source: web\nrules: [{{kpi: failing, by: shop, every: 1m, values: {{odd: {value}}}}}]\n"
    assert len(linted(tmp_path, text, "distinct-difference")) == 1


@pytest.mark.parametrize(("field", "found"), [("shop", 0), ("request_id", 1)])
def test_a_recording_says_how_many_values_a_key_has(field: str, found: int, tmp_path: Path) -> None:
    """Names count only without one."""
    text = BARE.format(key=field, when="max(latency over 1m) > 9s")
    assert len(linted(tmp_path, text, "unbounded-keys", SEEN)) == found


ONE = """source: web
rules:
{before}  - alarm: failing{after}
    when: status >= 500
  - {{alarm: odd, when: status == 404}}
"""


@pytest.mark.parametrize(
    ("before", "after", "names"),
    [
        ("", "", {"failing": "message", "odd": "message"}),
        ("  # lint: ignore message because it is a demo\n", "", {"odd": "message"}),
        ("", "   # lint: ignore message, owner because it is a demo", {"odd": "message"}),
    ],
)
def test_a_comment_in_a_rule_leaves_it_alone(before: str, after: str, names: dict[str, str], tmp_path: Path) -> None:
    """On the line above, or anywhere inside; other rules are looked at."""
    found = linted(tmp_path, ONE.format(before=before, after=after))
    assert {each.rule: each.label for each in found if each.label == "message"} == names
    assert not [each for each in found if each.code in ("SW620", "SW621")]


BASES = """source: web
bases:
  # lint: ignore unused-base because the next team extends it
  - {alarm: kept, when: status >= 500}
  - {alarm: lost, when: status >= 500}
  - {alarm: far, extends: near, when: status >= 500}
  - {alarm: near, by: shop}
rules:
  - {alarm: failing, extends: far}
"""


def test_a_base_is_used_by_rules_and_by_bases(tmp_path: Path) -> None:
    """A comment leaves one base alone, not its file."""
    found = [each for each in linted(tmp_path, BASES) if each.code in ("SW618", "SW620", "SW621")]
    assert [(each.code, each.span.line) for each in found if each.span is not None] == [("SW618", 5)]


def test_a_comment_at_the_top_counts_for_the_file(tmp_path: Path) -> None:
    """Before the rules."""
    text = "# lint: ignore message, owner, untested because it is a demo\n" + ONE.format(before="", after="")
    assert linted(tmp_path, text) == []


@pytest.mark.parametrize(
    ("comment", "code", "says"),
    [
        ("# lint: ignore message", "SW620", "does not say why"),
        ("# lint: ignore because x", "SW620", "does not say which check"),
        ("# lint: ignore massage because x", "SW620", "did you mean `message`?"),
        ("# lint: ignore twin because x", "SW621", "nothing here is found by `twin`"),
    ],
)
def test_a_comment_needs_a_name_and_a_reason(comment: str, code: str, says: str, tmp_path: Path) -> None:
    """And something to ignore."""
    found = linted(tmp_path, ONE.format(before=f"  {comment}\n", after=""))
    (about,) = [each for each in found if each.code in ("SW620", "SW621")]
    assert about.code == code
    assert says in f"{about.message} {about.hint}"


EXTENDED = """
source: web
every: 10s
bases:
  - alarm: slow
    by: shop
    levels:
      critical: avg(latency over 1m) > limit
      warning: avg(latency over 1m) > 900ms
    params: {limit: 400ms}
rules:
  - {alarm: slow_a, extends: slow}
  - {alarm: slow_b, extends: slow, params: {limit: 500ms}}
  - {alarm: slow_c, extends: slow, levels: {critical: avg(latency over 1m) > 1s, warning: null}}
"""


def test_what_a_base_says_is_found_once_at_its_place(tmp_path: Path) -> None:
    """And can be left alone there, for all that extend it, but not what a rule says itself."""
    (found,) = linted(tmp_path, EXTENDED, "unreachable-level")
    assert found.span is not None
    assert (found.span.line, "1 more" in found.message) == (9, True)
    ignored = EXTENDED.replace(
        "- alarm: slow", "- alarm: slow  # lint: ignore unreachable-level because it is a drill", 1
    )
    assert linted(tmp_path, ignored, "unreachable-level") == []
    (runbook, *_) = linted(tmp_path, EXTENDED, "runbook")
    assert "slow_a" in runbook.message
    assert linted(tmp_path, ignored.replace("unreachable-level", "runbook"), "runbook") == []


def test_a_rule_may_ask_to_be_left_alone_for_what_it_takes_over(tmp_path: Path) -> None:
    """Each for itself."""
    comment = "  # lint: ignore unreachable-level because it is a drill\n"
    one = EXTENDED.replace("  - {alarm: slow_a", f"{comment}  - {{alarm: slow_a")
    (found,) = linted(tmp_path, one, "unreachable-level")
    assert ("slow_b" in found.message, "more" in found.message) == (True, False)
    both = one.replace("  - {alarm: slow_b", f"{comment}  - {{alarm: slow_b")
    assert linted(tmp_path, both, "unreachable-level") == []


def test_keys_that_a_base_bounds_are_bounded(tmp_path: Path) -> None:
    bases = EXTENDED.replace("by: shop", "by: page, max_keys: 100").replace("by: page,", "by: page\n   ")
    assert linted(tmp_path, bases, "unbounded-keys") == []
