"""`swctl test-rule`: timelines of events, and what must come of them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from streamwatchd.cli.junit import Result, junit
from streamwatchd.cli.project import config_path, counted, plural, print_diagnostics, project_options
from streamwatchd.cli.since import changed_suites
from streamwatchd.cli.watching import again_and_again
from streamwatchd.compiler import compile_project
from streamwatchd.errors import UnreadableInput
from streamwatchd.rules.loader import Loaded
from streamwatchd.rules.ruleset import Rule
from streamwatchd.rules.written import SHARED_NAME
from streamwatchd.testing.coverage import Coverage, share
from streamwatchd.testing.timeline import Suite
from streamwatchd.testing.timeline_check import check
from streamwatchd.testing.timeline_reader import TEST_SUFFIXES, read_suite, rules_folder, suite_paths
from streamwatchd.testing.timeline_run import bench

PERCENT = click.FloatRange(0, 100)


@click.command("test-rule")
@click.argument("paths", metavar="[PATH]…", nargs=-1, type=click.Path(path_type=Path))
@project_options
@click.option("--output", type=click.Choice(["text", "junit"]), default="text", help="How to print [default: text].")
@click.option(
    "--junit", "junit_file", metavar="FILE", type=click.Path(path_type=Path), help="Write JUnit's XML as well."
)
@click.option(
    "--restart-everywhere", is_flag=True, help="Run each test once more with many restarts: nothing may change."
)
@click.option("--coverage", is_flag=True, help="Say which branches of rules no test goes through.")
@click.option("--min-coverage", type=PERCENT, metavar="P", help="Exit 1 if fewer branches than P % are gone through.")
@click.option("--against", metavar="REV", help="Only tests of what changed since REV (a git revision, or a folder).")
@click.option("--watch", is_flag=True, help="Do it again each time a file changes.")
@click.pass_context
def command(
    ctx: click.Context,
    paths: tuple[Path, ...],
    config: Path | None,
    rules_dir: Path | None,
    output: str,
    junit_file: Path | None,
    restart_everywhere: bool,
    coverage: bool,
    min_coverage: float | None,
    against: str | None,
    watch: bool,
) -> None:
    """Run the tests in PATHs: files of tests, rules files, folders; without one, all of the project.

    Exit code 0: all pass; 1: some fail, the files have mistakes, or too few branches are covered; 2: there is nothing
    to run.
    """
    path = config_path(config)
    wish = _Wish(path, rules_dir, paths, output, junit_file, restart_everywhere, coverage, min_coverage, against)
    if watch:
        again_and_again(lambda: _once(wish), path.parent)
    ctx.exit(_once(wish))


@dataclass(frozen=True, slots=True)
class _Wish:
    """What was asked for."""

    config: Path
    rules_dir: Path | None
    paths: tuple[Path, ...]
    output: str
    junit_file: Path | None
    restart_everywhere: bool
    coverage: bool
    min_coverage: float | None
    against: str | None

    @property
    def asks_coverage(self) -> bool:
        return self.coverage or self.min_coverage is not None


def _once(wish: _Wish) -> int:
    """The exit code."""
    compiled = compile_project(wish.config, rules_dir=wish.rules_dir)
    loaded = compiled.loaded
    known = (
        suite_paths(rules_folder(wish.config, wish.rules_dir, loaded), loaded) if loaded.settings is not None else []
    )
    suites = [read_suite(each, loaded) for each in _chosen(wish.paths, known, loaded)]
    if _mistakes(suites, loaded, wish.output):
        return 1
    if wish.against is not None:
        suites = changed_suites(suites, compiled, wish.config, wish.against)
    covering = Coverage({rule.name: rule for rule in _rules_of(suites, loaded)})
    results = []
    for result in _run(suites, loaded, wish, covering):
        results.append(result)
        if wish.output == "text":
            _print(result)
    click.echo(junit(results) if wish.output == "junit" else _summary(results))
    if wish.junit_file is not None:
        _write(wish.junit_file, junit(results) + "\n")
    is_covered = _covered(wish, covering)
    return 0 if is_covered and not any(result.failures for result in results) else 1


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UnreadableInput(f"{path} can't be written: {error.strerror}") from None


def _rules_of(suites: Sequence[Suite], loaded: Loaded) -> list[Rule]:
    """Those that the suites load; all, where one of them loads all."""
    files = {file for suite in suites for file in suite.rules or ()}
    everything = any(suite.rules is None for suite in suites)
    return [rule for rule in loaded.ruleset.rules if everything or rule.span.file in files]


def _covered(wish: _Wish, covering: Coverage) -> bool:
    """Print what is asked for; False where it is less than demanded."""
    if not wish.asks_coverage:
        return True
    found = covering.found()
    through, total = share(found)
    percent = 100 * through / total if total else 100.0
    to_stderr = wish.output != "text"
    if wish.coverage:
        for each in found:
            for branch in each.missing:
                click.echo(f"not tested: {each.rule.span}: {each.rule.name}: {branch}", err=to_stderr)
    click.echo(f"coverage: {through:,} of {plural(total, 'branch', 'branches')} ({percent:.0f} %)", err=to_stderr)
    if wish.min_coverage is None or percent >= wish.min_coverage:
        return True
    click.echo(f"swctl: --min-coverage asks for {wish.min_coverage:g} %", err=True)
    return False


def _chosen(paths: Sequence[Path], known: Sequence[str], loaded: Loaded) -> list[str]:
    """Files of tests; raises UnreadableInput for a path that holds none."""
    if not paths:
        if not known and loaded.settings is not None:
            raise UnreadableInput("there are no tests; write one beside your rules, in a file NAME_test.yaml")
        return list(known)
    chosen: dict[str, None] = {}
    for path in paths:
        place = path.resolve()
        here = [each for each in known if Path(each).resolve().is_relative_to(place)]
        here = here or [each for each in known if Path(each).resolve() == place.with_name(f"{place.stem}_test.yaml")]
        if not here and path.is_file() and path.name.endswith(TEST_SUFFIXES):
            here = [str(path)]
        if not here:
            raise UnreadableInput(f"{path} {'holds no tests' if path.exists() else 'does not exist'}")
        chosen.update(dict.fromkeys(here))
    return list(chosen)


def _mistakes(suites: Iterable[Suite], loaded: Loaded, output: str) -> bool:
    """Print mistakes of the files that matter here; True when the tests can't run."""
    suites = list(suites)
    files = (
        None
        if any(suite.rules is None for suite in suites)
        else {each for suite in suites for each in suite.rules or ()}
    )
    broken = loaded.settings is None
    found = [each for each in loaded.diagnostics if each.is_error]
    if files is not None and not broken:
        found = [
            each
            for each in found
            if each.span is None
            or each.span.file in files
            or each.span.file not in loaded.refused
            or Path(each.span.file).name == SHARED_NAME
        ]
    found += [problem for suite in suites for problem in suite.problems]
    print_diagnostics(found, err=output != "text")
    failed = any(each.is_error for each in found)
    if failed:
        click.echo(f"no test was run: {counted(found)}", err=True)
    return failed


def _run(suites: Iterable[Suite], loaded: Loaded, wish: _Wish, covering: Coverage) -> Iterator[Result]:
    for suite in suites:
        place, passed = bench(suite, loaded), []
        for case in suite.cases:
            started = time.perf_counter()
            found = check(place, case, restart_everywhere=wish.restart_everywhere, observe=covering.take)
            passed += [] if found else [case]
            yield Result(suite, case, tuple(found), time.perf_counter() - started)
        if wish.asks_coverage:
            covering.try_holds(suite, loaded, passed)


def _print(result: Result) -> None:
    if not result.failures:
        return
    click.echo(
        f"{click.style('FAIL', fg='red', bold=True)} {result.suite.path}:{result.case.span.line} {result.case.name}"
    )
    for failure in result.failures:
        click.echo(f"  {failure.span}: {failure.message}")
        for detail in failure.details:
            click.echo(f"    {detail}")
    click.echo()


def _summary(results: Sequence[Result]) -> str:
    failed = sum(bool(result.failures) for result in results)
    files = plural(len({result.suite.path for result in results}), "file")
    passed = plural(len(results) - failed, "test")
    return f"{passed} of {files} passed" + (f", {failed:,} failed" if failed else "")
