"""`swctl test-rule`: timelines of events, and what must come of them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import click

from streamwatchd.cli.junit import Result, junit
from streamwatchd.cli.project import config_path, counted, plural, print_diagnostics, project_options
from streamwatchd.compiler import compile_project
from streamwatchd.errors import UnreadableInput
from streamwatchd.rules.loader import Loaded
from streamwatchd.testing.timeline import Suite
from streamwatchd.testing.timeline_check import check
from streamwatchd.testing.timeline_reader import TEST_SUFFIXES, read_suite, rules_folder, suite_paths
from streamwatchd.testing.timeline_run import bench


@click.command("test-rule")
@click.argument("paths", metavar="[PATH]…", nargs=-1, type=click.Path(path_type=Path))
@project_options
@click.option("--output", type=click.Choice(["text", "junit"]), default="text", help="How to print [default: text].")
@click.option(
    "--restart-everywhere", is_flag=True, help="Run each test once more with many restarts: nothing may change."
)
@click.pass_context
def command(
    ctx: click.Context,
    paths: tuple[Path, ...],
    config: Path | None,
    rules_dir: Path | None,
    output: str,
    restart_everywhere: bool,
) -> None:
    """Run the tests in PATHs: files of tests, rules files, folders; without one, all of the project.

    Exit code 0: all pass; 1: some fail, or the files have mistakes; 2: there is nothing to run.
    """
    path = config_path(config)
    loaded = compile_project(path, rules_dir=rules_dir).loaded
    known = suite_paths(rules_folder(path, rules_dir, loaded), loaded) if loaded.settings is not None else []
    suites = [read_suite(each, loaded) for each in _chosen(paths, known, loaded)]
    if _mistakes(suites, loaded, output):
        ctx.exit(1)
    results = []
    for result in _run(suites, loaded, restart_everywhere):
        results.append(result)
        if output == "text":
            _print(result)
    click.echo(junit(results) if output == "junit" else _summary(results))
    ctx.exit(1 if any(result.failures for result in results) else 0)


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
            if each.span is None or each.span.file in files or each.span.file not in loaded.refused
        ]
    found += [problem for suite in suites for problem in suite.problems]
    print_diagnostics(found, err=output != "text")
    failed = any(each.is_error for each in found)
    if failed:
        click.echo(f"no test was run: {counted(found)}", err=True)
    return failed


def _run(suites: Iterable[Suite], loaded: Loaded, restart_everywhere: bool) -> Iterator[Result]:
    for suite in suites:
        place = bench(suite, loaded)
        for case in suite.cases:
            started = time.perf_counter()
            found = check(place, case, restart_everywhere=restart_everywhere)
            yield Result(suite, case, tuple(found), time.perf_counter() - started)


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
