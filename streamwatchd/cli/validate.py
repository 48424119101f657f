"""`swctl validate`: every problem of every file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click

from streamwatchd.cli.project import config_path, counted, plural, print_diagnostics, project_options
from streamwatchd.compiler import Compiled, compile_project
from streamwatchd.diagnostics import Diagnostic, as_json
from streamwatchd.errors import UnreadableInput
from streamwatchd.rules.loader import Loaded
from streamwatchd.testing.timeline import Suite
from streamwatchd.testing.timeline_reader import read_suite, rules_folder, suite_paths


@click.command("validate")
@click.argument("paths", metavar="[PATH]…", nargs=-1, type=click.Path(path_type=Path))
@project_options
@click.option("--output", type=click.Choice(["text", "json"]), default="text", help="How to print [default: text].")
@click.pass_context
def command(
    ctx: click.Context, paths: tuple[Path, ...], config: Path | None, rules_dir: Path | None, output: str
) -> None:
    """Check the configuration, all rules, their tests and the tables.

    With PATHs (files or folders of the project) only their problems are shown; all is checked, since files read each
    other. Exit code 0: fine, or warnings only; 1: errors; 2: there is nothing to check.
    """
    path = config_path(config)
    compiled = compile_project(path, rules_dir=rules_dir)
    suites = _suites(path, rules_dir, compiled.loaded)
    files = {*compiled.loaded.files, *compiled.loaded.refused, *(suite.path for suite in suites)}
    shown = _chosen(files, paths)
    found = [*compiled.loaded.diagnostics, *(problem for suite in suites for problem in suite.problems)]
    found = [each for each in found if each.span is None or each.span.file in shown]
    if output == "json":
        click.echo(_as_json(found, len(shown)))
    else:
        print_diagnostics(found)
        click.echo(_summary(compiled, found, shown))
    ctx.exit(1 if any(each.is_error for each in found) else 0)


def _suites(config: Path, rules_dir: Path | None, loaded: Loaded) -> list[Suite]:
    """The tests of the project; none where its configuration does not check, since all they name would be unknown."""
    if loaded.settings is None:
        return []
    return [read_suite(path, loaded) for path in suite_paths(rules_folder(config, rules_dir, loaded), loaded)]


def _chosen(files: set[str], paths: Sequence[Path]) -> set[str]:
    """The files at or below `paths`; raises UnreadableInput for a path that holds none of them."""
    if not paths:
        return files
    resolved = {file: Path(file).resolve() for file in files}
    chosen: set[str] = set()
    for path in paths:
        here = {file for file, place in resolved.items() if place.is_relative_to(path.resolve())}
        if not here:
            reason = "is no file of this project (see --config and --rules)" if path.exists() else "does not exist"
            raise UnreadableInput(f"{path} {reason}")
        chosen |= here
    return chosen


def _as_json(found: Sequence[Diagnostic], files: int) -> str:
    errors = sum(each.is_error for each in found)
    document = {
        "files": files,
        "errors": errors,
        "warnings": len(found) - errors,
        "problems": [as_json(each) for each in found],
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def _summary(compiled: Compiled, found: Sequence[Diagnostic], shown: set[str]) -> str:
    rules, sources = len(compiled.loaded.ruleset.rules), len(compiled.loaded.ruleset.sources)
    head = f"{plural(len(shown), 'file')}: {counted(found) if found else 'no problems'}"
    return (
        head
        if any(each.is_error for each in found)
        else f"{head} ({plural(rules, 'rule')}, {plural(sources, 'source')})"
    )
