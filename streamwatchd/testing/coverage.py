"""Which branches of rules tests go through: what an alarm can do, and what it did in some test."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from streamwatchd.operators.flapping import CALMED, FLAPPING
from streamwatchd.rules.loader import Loaded
from streamwatchd.rules.ruleset import Alarm, Kpi, Rule
from streamwatchd.testing.timeline import Case, Kind, Suite
from streamwatchd.testing.timeline_match import failures
from streamwatchd.testing.timeline_run import Bench, Happening, Ran, bench

ROW = "a row is written"
SILENT = "stays silent (`expect_no`)"
NO_DATA = "no data"
MUTED = "muted by `unless`"
FLAPS = "flaps"
AMENDED = "amended by a late event"


def branches(rule: Rule) -> tuple[str, ...]:
    """What a rule can do, in words."""
    if isinstance(rule, Kpi):
        return (ROW,)
    found = [] if isinstance(rule, Alarm) else [ROW]
    endless = isinstance(rule, Alarm) and rule.is_endless
    for level in rule.levels:
        found.append(_raised(level.severity))
        found += [_not_held(level.severity)] if level.for_ms else []
        found += [] if endless else [_cleared(level.severity)]
        found += [_no_sooner(level.severity)] if level.until_for_ms else []
    found += [NO_DATA] if rule.no_data.action != "keep" else []
    found += [MUTED] if rule.unless is not None else []
    found += [FLAPS] if rule.flapping is not None else []
    found += [AMENDED] if rule.amend else []
    return (*found, SILENT)


def _raised(severity: str) -> str:
    return f"{severity} is raised"


def _cleared(severity: str) -> str:
    return f"{severity} clears"


def _no_sooner(severity: str) -> str:
    return f"{severity} clears no sooner than after its hold (a test fails without it)"


def _not_held(severity: str) -> str:
    return f"{severity} begins, and ends before its hold"


@dataclass(frozen=True, slots=True)
class Covered:
    """A rule, what it can do, and what of that no test made it do."""

    rule: Rule
    branches: tuple[str, ...]
    missing: tuple[str, ...]


@dataclass(slots=True)
class Coverage:
    """Feed it each test with what came of it."""

    rules: Mapping[str, Rule]
    _seen: dict[str, set[str]] = field(default_factory=dict)

    def take(self, case: Case, ran: Ran) -> None:
        for happening in ran.happenings:
            if happening.name in self.rules:
                self._seen.setdefault(happening.name, set()).update(_gone_through(happening))
        for expectation in case.expect_no:
            if expectation.kind in (Kind.ALARM, Kind.ANOMALY):
                self._seen.setdefault(expectation.name, set()).add(SILENT)

    def try_holds(self, suite: Suite, loaded: Loaded, passed: Collection[Case]) -> None:
        """Which holds of clearing some test needs: of those that passed, one fails without it. No output tells of a
        condition that turned back before its hold, so it takes another run."""
        for rule in self.rules.values():
            seen = self._seen.setdefault(rule.name, set())
            cases = [case for case in passed if any(each.name == rule.name for each in (*case.expect, *case.expect_no))]
            for level in () if isinstance(rule, Kpi) else rule.levels:
                branch = _no_sooner(level.severity)
                untried = level.until_for_ms and cases and branch not in seen
                if untried and _fails(cases, bench(suite, loaded, altered=_unheld(rule.name, level.severity))):
                    seen.add(branch)

    def found(self) -> list[Covered]:
        """In the order of the rules."""
        return [self._of(rule) for rule in self.rules.values()]

    def _of(self, rule: Rule) -> Covered:
        all_ = branches(rule)
        seen = self._seen.get(rule.name, set())
        return Covered(rule, all_, tuple(branch for branch in all_ if branch not in seen))


def _unheld(name: str, severity: str) -> Callable[[Rule], Rule]:
    """In the rule of this name, a level that clears at once in place of this one."""

    def altered(rule: Rule) -> Rule:
        if rule.name != name or isinstance(rule, Kpi):
            return rule
        levels = (replace(each, until_for_ms=0) if each.severity == severity else each for each in rule.levels)
        return replace(rule, levels=tuple(levels))

    return altered


def _fails(cases: Iterable[Case], place: Bench) -> bool:
    return any(failures(case, place.run(case)) for case in cases)


def share(found: Iterable[Covered]) -> tuple[int, int]:
    """How many branches tests go through, and how many there are."""
    found = list(found)
    total = sum(len(each.branches) for each in found)
    return total - sum(len(each.missing) for each in found), total


def _gone_through(happening: Happening) -> Iterator[str]:
    document = happening.document
    if happening.kind in (Kind.KPI, Kind.ANOMALY):
        yield ROW
        return
    if happening.kind is not Kind.ALARM:
        return
    event, severity = document.get("event"), str(document.get("severity"))
    if event in ("fired", "escalated", "relaxed"):
        yield _raised(severity)
    if event in ("escalated", "relaxed") and document.get("previous"):
        yield _cleared(str(document["previous"])) if event == "relaxed" else _raised(severity)
    if event == FLAPPING:
        yield FLAPS
    if event == "resolved" and document.get("reason") != CALMED:
        yield _not_held(severity) if document.get("reason") == "not_held" else _cleared(severity)
    if event == "no_data" or document.get("reason") == "no_data":
        yield NO_DATA
    if event == "amended":
        yield AMENDED
    if document.get("muted_by") not in (None, "storm", FLAPPING):
        yield MUTED
