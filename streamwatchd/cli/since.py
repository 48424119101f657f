"""What changed since a revision: the project as it was then, and the tests that have something to say of the change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from pathlib import Path

from streamwatchd.cli.revision import version_at
from streamwatchd.compiler import Compiled, compile_project
from streamwatchd.enrichment.table import TableData
from streamwatchd.plan.change import Side, compare
from streamwatchd.repository.store import ModelData
from streamwatchd.rules.loader import Loaded
from streamwatchd.rules.ruleset import SHADOW_OF, Rule, Table
from streamwatchd.testing.timeline import Suite


def changed_suites(suites: Sequence[Suite], now: Compiled, config: Path, revision: str) -> list[Suite]:
    """Those whose own text changed, or a rule that they load, or what it reads. All of them where it did not check.
    Raises UnreadableInput where there is no such revision."""
    with version_at(config, revision) as version:
        there = version.config
        then = compile_project(there)
        if then.program is None or now.program is None or then.loaded.settings is None:
            return list(suites)
        change = compare(Side(then.program.plan, then.loaded.ruleset), Side(now.program.plan, now.loaded.ruleset))
        changed = {each.name for each in change.rules if each.what != "unchanged"}
        changed |= {rule.name for rule in now.loaded.ruleset.rules if _reads_otherwise(rule.name, then, now)}
        changed = _with_readers(changed | _changed_data(then.loaded, now.loaded), now.loaded.ruleset.rules)
        files = {rule.span.file for rule in now.loaded.ruleset.rules if rule.name in changed}
        return [
            suite
            for suite in suites
            if (files if suite.rules is None else suite.rules & files) or _has_changed(suite, config, there)
        ]


def _reads_otherwise(name: str, then: Compiled, now: Compiled) -> bool:
    """Another declaration of a source, or another text of the rule."""
    rule = now.loaded.ruleset.rule(name)
    before = next((each for each in then.loaded.ruleset.rules if each.name == name), None)
    if before is None or before.said != rule.said:
        return True
    sources = (now.loaded.ruleset.sources, then.loaded.ruleset.sources)
    return any(sources[0].get(each) != sources[1].get(each) for each in rule.sources)


def _changed_data(then: Loaded, now: Loaded) -> set[str]:
    """The tables and calendars that say something else, and the rules of which a model or a silence does."""
    before, after = then.ruleset, now.ruleset
    kinds: tuple[tuple[Mapping[str, object], Mapping[str, object]], ...] = (
        (_digests(then.tables), _digests(now.tables)),
        (_declared(before.tables), _declared(after.tables)),
        (before.calendars, after.calendars),
        (_digests(before.models), _digests(after.models)),
        (before.silences, after.silences),
    )
    differ = (name for old, new in kinds for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    return {name.removesuffix(SHADOW_OF) for name in differ}


def _declared(tables: Mapping[str, Table]) -> Mapping[str, Table]:
    """Wherever the data lie: their digest tells of them."""
    return {name: replace(each, path="") for name, each in tables.items()}


def _digests(data: Mapping[str, TableData] | Mapping[str, ModelData]) -> Mapping[str, str]:
    return {name: each.digest for name, each in data.items()}


def _with_readers(names: set[str], rules: Sequence[Rule]) -> set[str]:
    """Also the rules that name one of them, and those that name these."""
    found = set(names)
    rest = {rule.name: set(_texts(rule)) for rule in rules if rule.name not in found}
    while more := {name for name, texts in rest.items() if texts & found}:
        found |= more
        rest = {name: texts for name, texts in rest.items() if name not in more}
    return found


def _texts(part: object) -> Iterator[str]:
    """Every text in a rule: whatever it names is one of them."""
    match part:
        case str():
            yield part
        case tuple() | list() | set() | frozenset():
            for each in part:
                yield from _texts(each)
        case Mapping():
            yield from _texts(tuple(part.items()))
        case _ if is_dataclass(part):
            for each in fields(part):
                yield from _texts(getattr(part, each.name))


def _has_changed(suite: Suite, config: Path, there: Path) -> bool:
    """Its file, or what lies in the folder of its models."""
    base = config.parent.resolve()
    now = [Path(each).resolve() for each in (suite.path, suite.models) if each]
    then = [there.parent / each.relative_to(base) if each.is_relative_to(base) else each for each in now]
    return [*map(_content, now)] != [*map(_content, then)]


def _content(path: Path) -> Mapping[str, bytes]:
    """Of a file, or of all files in a folder, by their paths in it."""
    files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
    return {str(each.relative_to(path)): each.read_bytes() for each in files}
