"""What commands have in common: the project they work on, and how its diagnostics are printed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from streamwatchd.compiler import Compiled, compile_project
from streamwatchd.diagnostics import Diagnostic, Severity, render
from streamwatchd.errors import RuleSetRejected, UnreadableInput
from streamwatchd.plan.program import Program
from streamwatchd.rules.loader import Loaded
from streamwatchd.testing.timeline import Suite
from streamwatchd.testing.timeline_reader import read_suite, rules_folder, suite_paths

CONFIG = "streamwatchd.yaml"
SYSTEM_CONFIG = Path("/etc/streamwatchd/streamwatchd.yaml")

F = TypeVar("F", bound=Callable[..., Any])


def project_options(function: F) -> F:
    """`--config` and `--rules`."""
    config = click.option(
        "--config",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help=f"The configuration [default: {CONFIG} here, else {SYSTEM_CONFIG}].",
    )
    rules = click.option(
        "--rules",
        "rules_dir",
        metavar="DIR",
        type=click.Path(path_type=Path, file_okay=False, exists=True),
        help="The folder of rules, in place of the one that the configuration says.",
    )
    return config(rules(function))


def config_path(given: Path | None) -> Path:
    """The configuration to work on; raises UnreadableInput where there is none."""
    if given is not None:
        if given.is_dir():
            hint = f"; did you mean `--config {given / CONFIG}`?" if (given / CONFIG).is_file() else ""
            raise UnreadableInput(f"{given} is a folder, not a configuration{hint}")
        if not given.is_file():
            raise UnreadableInput(f"there is no configuration {given}")
        return given
    for path in (Path(CONFIG), SYSTEM_CONFIG):
        if path.is_file():
            return path
    raise UnreadableInput(f"there is no {CONFIG} here and no {SYSTEM_CONFIG}; name one with --config FILE")


def runnable(compiled: Compiled) -> Program:
    """The program, when nothing is wrong with the project; raises RuleSetRejected with what is."""
    errors = tuple(each for each in compiled.loaded.diagnostics if each.is_error)
    if errors or compiled.program is None:
        raise RuleSetRejected(errors)
    return compiled.program


def compile_or_exit(
    config: Path | None, rules_dir: Path | None, told: Callable[[Diagnostic], Diagnostic] = lambda each: each
) -> tuple[Compiled, Program]:
    """A project without mistakes; otherwise they are printed, as `told` has them, and the exit code is 1."""
    compiled = compile_project(config_path(config), rules_dir=rules_dir)
    try:
        return compiled, runnable(compiled)
    except RuleSetRejected as rejected:
        print_diagnostics(map(told, rejected.diagnostics), err=True)
        click.echo(counted(rejected.diagnostics), err=True)
        click.get_current_context().exit(1)


def suites_of(config: Path, rules_dir: Path | None, loaded: Loaded) -> list[Suite]:
    """The tests of the project; none where its configuration does not check, since all they name would be unknown."""
    if loaded.settings is None:
        return []
    return [read_suite(path, loaded) for path in suite_paths(rules_folder(config, rules_dir, loaded), loaded)]


def chosen(files: set[str], paths: Sequence[Path]) -> set[str]:
    """The files at or below `paths`; raises UnreadableInput for a path that holds none of them."""
    if not paths:
        return files
    resolved = {file: Path(file).resolve() for file in files}
    found: set[str] = set()
    for path in paths:
        here = {file for file, place in resolved.items() if place.is_relative_to(path.resolve())}
        if not here:
            reason = "is no file of this project (see --config and --rules)" if path.exists() else "does not exist"
            raise UnreadableInput(f"{path} {reason}")
        found |= here
    return found


def print_diagnostics(diagnostics: Iterable[Diagnostic], *, err: bool = False) -> None:
    for diagnostic in diagnostics:
        click.echo(_coloured(render(diagnostic), diagnostic) + "\n", err=err)


def _coloured(text: str, diagnostic: Diagnostic) -> str:
    """The head in colour; click takes colours out where there is no terminal."""
    head, newline, rest = text.partition("\n")
    colour = "red" if diagnostic.severity is Severity.ERROR else "yellow"
    return click.style(head, fg=colour, bold=True) + newline + rest


def counted(diagnostics: Iterable[Diagnostic]) -> str:
    """`2 errors, 1 warning`."""
    found = list(diagnostics)
    errors = sum(each.is_error for each in found)
    return f"{plural(errors, 'error')}, {plural(len(found) - errors, 'warning')}"


def plural(count: int, noun: str, many: str = "") -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {many or noun + 's'}"
