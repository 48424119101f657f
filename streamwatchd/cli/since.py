"""What changed since a revision: the project as it was then, and the tests that have something to say of the change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from streamwatchd.cli.project import CONFIG
from streamwatchd.cli.revision import checked_out
from streamwatchd.compiler import Compiled, compile_project
from streamwatchd.errors import UnreadableInput
from streamwatchd.plan.change import Side, compare
from streamwatchd.testing.timeline import Suite


@contextmanager
def config_at(config: Path, revision: str) -> Iterator[Path]:
    """The configuration as it was at a git revision, or in a folder. Raises UnreadableInput where there is none."""
    folder = Path(revision)
    if folder.is_dir():
        if not (folder / CONFIG).is_file():
            raise UnreadableInput(f"there is no {CONFIG} in {revision}")
        yield folder / CONFIG
        return
    with checked_out(config, revision) as (there, _):
        yield there


def changed_suites(suites: Sequence[Suite], now: Compiled, config: Path, revision: str) -> list[Suite]:
    """Those whose own text changed, or a rule that they load, or what it reads. All of them where it did not check."""
    with config_at(config, revision) as there:
        then = compile_project(there)
        if then.program is None or now.program is None or then.loaded.settings is None:
            return list(suites)
        change = compare(Side(then.program.plan, then.loaded.ruleset), Side(now.program.plan, now.loaded.ruleset))
        changed = {each.name for each in change.rules if each.what != "unchanged"}
        changed |= {rule.name for rule in now.loaded.ruleset.rules if _reads_otherwise(rule.name, then, now)}
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


def _has_changed(suite: Suite, config: Path, there: Path) -> bool:
    base = config.parent.resolve()
    path = Path(suite.path).resolve()
    before = there.parent / path.relative_to(base) if path.is_relative_to(base) else path
    return not before.is_file() or before.read_bytes() != path.read_bytes()
