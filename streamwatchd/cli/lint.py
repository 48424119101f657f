"""`swctl lint`: rules that check, and yet are not as one would want them at night."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from streamwatchd.cli.findings import OUTPUTS, report
from streamwatchd.cli.project import (
    chosen,
    config_path,
    counted,
    plural,
    print_diagnostics,
    project_options,
    runnable,
    suites_of,
)
from streamwatchd.cli.seen import seen_in
from streamwatchd.cli.watching import again_and_again
from streamwatchd.compiler import compile_project
from streamwatchd.diagnostics import Diagnostic, did_you_mean
from streamwatchd.errors import RuleSetRejected, UnreadableInput
from streamwatchd.lang.codes import CODES
from streamwatchd.rules import codes
from streamwatchd.rules.lint._check import Subject
from streamwatchd.rules.lint._run import checks, lint, titles
from streamwatchd.rules.loader import Loaded
from streamwatchd.rules.reader import parse
from streamwatchd.testing.timeline import Suite


@click.command("lint")
@click.argument("paths", metavar="[PATH]…", nargs=-1, type=click.Path(path_type=Path))
@project_options
@click.option("--recording", metavar="FILE", help="Traffic: fields that are never there, keys without bounds.")
@click.option("--source", metavar="NAME", help="The source of bare events of --recording [default: the only one].")
@click.option("--only", metavar="NAME", multiple=True, help="Make this check alone; may be repeated.")
@click.option("--strict", is_flag=True, help="Exit 1 for warnings, too.")
@click.option("--list", "listing", is_flag=True, help="List the checks.")
@click.option("--output", type=click.Choice(OUTPUTS), default="text", help="How to print [default: text].")
@click.option("--watch", is_flag=True, help="Do it again each time a file changes.")
@click.pass_context
def command(
    ctx: click.Context,
    paths: tuple[Path, ...],
    config: Path | None,
    rules_dir: Path | None,
    recording: str | None,
    source: str | None,
    only: tuple[str, ...],
    strict: bool,
    listing: bool,
    output: str,
    watch: bool,
) -> None:
    """Look for rules that check and are not good: unreachable levels, missing owners, keys without bounds.

    To leave something alone, write `# lint: ignore NAME because …` in the rule, or at the top of its file.
    Exit code 0: nothing, or warnings only; 1: errors (with --strict also warnings), or the project does not check.
    """
    if listing:
        for name, check in checks().items():
            click.echo(f"{name:<18} {check.severity:<8} {check.summary}")
        return
    _check_names(only)
    path = config_path(config)

    def once() -> int:
        return _once(path, rules_dir, paths, recording, source, only, strict, output)

    if watch:
        again_and_again(once, path.parent)
    ctx.exit(once())


def _check_names(only: Sequence[str]) -> None:
    known = checks()
    for name in only:
        if name not in known:
            raise UnreadableInput(f"there is no check `{name}`; {did_you_mean(name, known) or 'see swctl lint --list'}")


def _once(
    config: Path,
    rules_dir: Path | None,
    paths: Sequence[Path],
    recording: str | None,
    source: str | None,
    only: Sequence[str],
    strict: bool,
    output: str,
) -> int:
    """The exit code."""
    compiled = compile_project(config, rules_dir=rules_dir)
    loaded = compiled.loaded
    try:
        runnable(compiled)
    except RuleSetRejected as rejected:
        why = f"lint looks at rules that check: {counted(rejected.diagnostics)}"
        if output == "text":
            print_diagnostics(rejected.diagnostics, err=True)
            click.echo(why, err=True)
        else:
            report(rejected.diagnostics, sorted(loaded.files), output, {**CODES, **codes.TITLES}, why)
        return 1
    suites = suites_of(config, rules_dir, loaded)
    files = set(loaded.files)
    shown = chosen(files, paths)
    seen = seen_in(recording, loaded.ruleset, source) if recording is not None else None
    documents = {file: parse(file, loaded.files[file]) for file in sorted(files) if file.endswith((".yaml", ".yml"))}
    subject = Subject(loaded.ruleset, documents, _tested(suites), seen)
    found = [each for each in lint(subject, only) if each.span is None or each.span.file in shown]
    report(found, sorted(shown), output, titles(), _summary(loaded, found))
    return 1 if any(each.is_error or strict for each in found) else 0


def _tested(suites: Sequence[Suite]) -> frozenset[str]:
    """Rules of which some test expects something."""
    return frozenset(
        expectation.name for suite in suites for case in suite.cases for expectation in (*case.expect, *case.expect_no)
    )


def _summary(loaded: Loaded, found: Sequence[Diagnostic]) -> str:
    rules = plural(len(loaded.ruleset.rules), "rule")
    return f"{rules}: {counted(found)}" if found else f"{rules}: nothing found"
