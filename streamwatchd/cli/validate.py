"""`swctl validate`: every problem of every file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from streamwatchd.cli.findings import OUTPUTS, report
from streamwatchd.cli.project import chosen, config_path, counted, plural, project_options, suites_of
from streamwatchd.cli.watching import again_and_again
from streamwatchd.compiler import Compiled, compile_project
from streamwatchd.diagnostics import Diagnostic
from streamwatchd.lang.codes import CODES
from streamwatchd.rules import codes
from streamwatchd.rules.written import SHARED_NAME
from streamwatchd.testing import timeline_codes


@click.command("validate")
@click.argument("paths", metavar="[PATH]…", nargs=-1, type=click.Path(path_type=Path))
@project_options
@click.option("--output", type=click.Choice(OUTPUTS), default="text", help="How to print [default: text].")
@click.option("--watch", is_flag=True, help="Do it again each time a file changes.")
@click.pass_context
def command(
    ctx: click.Context, paths: tuple[Path, ...], config: Path | None, rules_dir: Path | None, output: str, watch: bool
) -> None:
    """Check the configuration, all rules, their tests and the tables.

    With PATHs (files or folders of the project) only their problems are shown, for shared.yaml those of all files that
    take its words over; all is checked, since files read each other. Exit code 0: fine, or warnings only; 1: errors;
    2: there is nothing to check.
    """
    path = config_path(config)
    if watch:
        again_and_again(lambda: _once(path, rules_dir, paths, output), path.parent)
    ctx.exit(_once(path, rules_dir, paths, output))


def _once(config: Path, rules_dir: Path | None, paths: Sequence[Path], output: str) -> int:
    """The exit code."""
    compiled = compile_project(config, rules_dir=rules_dir)
    suites = suites_of(config, rules_dir, compiled.loaded)
    files = {*compiled.loaded.files, *compiled.loaded.refused, *(suite.path for suite in suites)}
    shown = chosen(files, paths)
    found = [*compiled.loaded.diagnostics, *(problem for suite in suites for problem in suite.problems)]
    found = _shown(found, shown, compiled)
    titles = {**CODES, **codes.TITLES, **timeline_codes.TITLES}
    report(found, sorted(shown), output, titles, _summary(compiled, found, shown))
    return 1 if any(each.is_error for each in found) else 0


def _shown(found: Sequence[Diagnostic], files: set[str], compiled: Compiled) -> list[Diagnostic]:
    """The findings of the files; all of them where one is `shared.yaml`, and all errors where one is refused for no
    mistake of its own."""
    if any(Path(file).name == SHARED_NAME for file in files):
        return list(found)
    mine = [each for each in found if each.span is None or each.span.file in files]
    wrong = {each.span.file for each in mine if each.is_error and each.span is not None}
    if not (files & set(compiled.loaded.refused)) - wrong:
        return mine
    return [each for each in found if each in mine or each.is_error]


def _summary(compiled: Compiled, found: Sequence[Diagnostic], shown: set[str]) -> str:
    rules, sources = len(compiled.loaded.ruleset.rules), len(compiled.loaded.ruleset.sources)
    head = f"{plural(len(shown), 'file')}: {counted(found) if found else 'no problems'}"
    return (
        head
        if any(each.is_error for each in found)
        else f"{head} ({plural(rules, 'rule')}, {plural(sources, 'source')})"
    )
