"""Whether the tests of a project notice an edit of its rules."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from streamwatchd.rules.loader import Loaded, load
from streamwatchd.rules.ruleset import Rule, reads
from streamwatchd.testing.timeline import Case, Kind, Suite
from streamwatchd.testing.timeline_check import check
from streamwatchd.testing.timeline_run import bench
from tests.bounds.edits import Edit, edits


@dataclass(frozen=True, slots=True)
class Trial:
    """A rules file of a project, and the tests that load it."""

    config: Path
    loaded: Loaded
    path: str
    suites: tuple[Suite, ...]

    def edits(self) -> list[Edit]:
        return edits(self.path, self.loaded.files[self.path])

    def notices(self, edit: Edit) -> bool:
        """Whether the edited file is refused, or some test of the rule fails."""
        content = edit.of(self.loaded.files[self.path].decode()).encode()
        loaded = load(self.config, replaced={self.path: content})
        return bool(loaded.refused) or self.fails(edit.rule, loaded)

    def fails(self, rule: str, loaded: Loaded) -> bool:
        """Whether some test of a rule fails, under other rules; "" is all rules.

        Only the rule, what reads it and what those read are there: no other can tell the difference.
        """
        touched = _touched(rule, loaded.ruleset.rules)
        there = _with_what_they_read(touched, loaded.ruleset.rules)
        rules = tuple(each for each in loaded.ruleset.rules if each.name in there)
        loaded = replace(loaded, ruleset=replace(loaded.ruleset, rules=rules))
        for suite in self.suites:
            place = bench(suite, loaded)
            if any(check(place, case) for case in _cases(suite, touched, there)):
                return True
        return False


def _touched(name: str, rules: Iterable[Rule]) -> frozenset[str]:
    """The rule and those that read it, over several steps."""
    rules = list(rules)
    if not name:
        return frozenset(rule.name for rule in rules)
    found = {name}
    while more := {rule.name for rule in rules if found & set(reads(rule))} - found:
        found |= more
    return frozenset(found)


def _with_what_they_read(touched: frozenset[str], rules: Iterable[Rule]) -> frozenset[str]:
    by_name = {rule.name: rule for rule in rules}
    found, pending = set(touched), list(touched)
    while pending:
        more = {name for name in reads(by_name[pending.pop()]) if name in by_name} - found
        found |= more
        pending.extend(more)
    return frozenset(found)


def _cases(suite: Suite, touched: frozenset[str], there: frozenset[str]) -> list[Case]:
    """Those that expect something of a rule that is touched, the shortest first; nothing is expected of what is left
    out."""
    of_sources = (Kind.LATE, Kind.DEAD_LETTER)
    found = []
    for case in suite.cases:
        expect = [each for each in case.expect if each.name in there or each.kind in of_sources]
        expect_no = [each for each in case.expect_no if each.name in there or each.kind in of_sources]
        if any(each.name in touched for each in (*expect, *expect_no)):
            found.append(replace(case, expect=expect, expect_no=expect_no))
    return sorted(found, key=lambda case: max((event.at_ms for event in case.events), default=0))
