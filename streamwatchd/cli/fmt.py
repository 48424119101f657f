"""`swctl fmt`: files in their canonical form, their meaning shown to be the same before anything is written."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import NamedTemporaryFile

import click

from streamwatchd.cli.project import chosen, config_path, counted, plural, print_diagnostics, project_options, suites_of
from streamwatchd.compiler import compile_project
from streamwatchd.diagnostics import Diagnostic, Span
from streamwatchd.errors import UnreadableInput
from streamwatchd.fields import Form
from streamwatchd.rules import codes, rule_spec, settings_spec, silence_spec
from streamwatchd.rules.formatting import formatted, same_tree
from streamwatchd.rules.loader import Loaded
from streamwatchd.rules.reader import parse
from streamwatchd.rules.ruleset import RuleSet
from streamwatchd.rules.written import is_shared

_NOWHERE = Span("", 0, 0, 0, 0)


@click.command("fmt")
@click.argument("paths", metavar="[PATH]…", nargs=-1, type=click.Path(path_type=Path))
@project_options
@click.option("--check", is_flag=True, help="Write nothing; exit 1 and name the files that are not formatted.")
@click.option("--diff", is_flag=True, help="Write nothing; show what would change.")
@click.pass_context
def command(
    ctx: click.Context, paths: tuple[Path, ...], config: Path | None, rules_dir: Path | None, check: bool, diff: bool
) -> None:
    """Write rules, tests, silences, tables' declarations and the configuration in their canonical form.

    Expressions get one spelling (`and`, `==`, double quotes, least parentheses), but on a line that ends with
    `# fmt: skip`; comments, order and layout stay. A file with mistakes is left alone. Nothing is written unless the
    formatted project means the same.
    """
    path = config_path(config)
    loaded = compile_project(path, rules_dir=rules_dir).loaded
    wanted = chosen(_files(path, rules_dir, loaded), paths)
    broken = _broken(loaded, wanted)
    changes = list(_changes(path, loaded, sorted(wanted - {_file(each) for each in broken})))
    _prove(path, rules_dir, loaded, changes)
    for change in changes:
        _carry_out(change, check, diff)
    print_diagnostics(broken, err=True)
    click.echo(_summary(changes, broken, len(wanted), written=not (check or diff)))
    ctx.exit(1 if broken or (changes and (check or diff)) else 0)


@dataclass(frozen=True, slots=True)
class _Change:
    file: str
    before: str
    after: str


def _files(config: Path, rules_dir: Path | None, loaded: Loaded) -> set[str]:
    found = {
        *loaded.files,
        *loaded.refused,
        *(suite.path for suite in suites_of(config, rules_dir, loaded)),
        str(config),
    }
    return {path for path in found if path.endswith((".yaml", ".yml")) and Path(path).is_file()}


def _broken(loaded: Loaded, wanted: Iterable[str]) -> list[Diagnostic]:
    """Errors of the files, and where a file of tests is no YAML; a `shared.yaml` of comments is in force as it is."""
    found = [each for each in loaded.diagnostics if each.is_error and _file(each) in wanted]
    known = {_file(each) for each in found}
    for file in set(wanted) - known:
        told = [each for each in parse(file, Path(file).read_bytes()).diagnostics if each.is_error]
        found += [each for each in told if each.code != codes.EMPTY or file not in loaded.files]
    return found


def _file(each: Diagnostic) -> str:
    return each.span.file if each.span is not None else ""


def _changes(config: Path, loaded: Loaded, files: Sequence[str]) -> Iterator[_Change]:
    for file in files:
        content = Path(file).read_bytes()
        document = parse(file, content)
        after = formatted(document, _form(file, config, loaded))
        again = parse(file, after.encode())
        if not same_tree(document.top, again.top) or formatted(again, _form(file, config, loaded)) != after:
            raise UnreadableInput(f"{file} would not say the same when formatted: it is left alone; please report it")
        if after.encode() != content:
            yield _Change(file, content.decode(errors="replace"), after)


def _form(file: str, config: Path, loaded: Loaded) -> Form | None:
    """What kind of file it is: rules, silences and the configuration hold expressions."""
    if file == str(config):
        return settings_spec.SETTINGS
    if loaded.settings is not None and file in loaded.files and Path(file).absolute().is_relative_to(_rules(loaded)):
        return rule_spec.SHARED_FILE if is_shared(file, _rules(loaded)) else rule_spec.FILE
    if loaded.settings is not None and Path(file).absolute().parent == loaded.settings.silences_dir:
        return silence_spec.SILENCES
    return None


def _rules(loaded: Loaded) -> Path:
    """The folder of rules."""
    assert loaded.settings is not None
    return (loaded.rules_dir or loaded.settings.rules_dir).absolute()


def _prove(config: Path, rules_dir: Path | None, loaded: Loaded, changes: Sequence[_Change]) -> None:
    """Raises UnreadableInput unless the formatted files come to the same rules."""
    replaced = {change.file: change.after.encode() for change in changes}
    again = compile_project(config, rules_dir=rules_dir, replaced=replaced).loaded
    if _meaning(loaded.ruleset) != _meaning(again.ruleset) or loaded.settings != again.settings:
        names = ", ".join(sorted(replaced))
        raise UnreadableInput(f"formatted, the rules would not mean the same: {names} left alone; please report it")


def _meaning(rules: RuleSet) -> tuple[RuleSet, Mapping[str, str]]:
    """Without places, and without the hash of the text; models by the hash of what they hold."""
    bare = tuple(replace(rule, span=_NOWHERE, digest="") for rule in rules.rules)
    return replace(rules, rules=bare, models={}), {name: model.digest for name, model in rules.models.items()}


def _carry_out(change: _Change, check: bool, diff: bool) -> None:
    if diff:
        before, after = (text.splitlines(keepends=True) for text in (change.before, change.after))
        lines = difflib.unified_diff(before, after, change.file, f"{change.file} (formatted)")
        click.echo("".join(lines), nl=False)
    elif check:
        click.echo(f"not formatted: {change.file}")
    else:
        _write(Path(change.file), change.after.encode())
        click.echo(f"formatted: {change.file}")


def _write(path: Path, content: bytes) -> None:
    """All or nothing: beside it, then in its place, with its mode; a link stays one."""
    path = path.resolve()
    try:
        with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary = Path(file.name)
        try:
            temporary.chmod(path.stat().st_mode & 0o7777)
            temporary.replace(path)
        except OSError:
            with suppress(OSError):
                temporary.unlink()
            raise
    except OSError as error:
        raise UnreadableInput(f"{path} can't be written: {error.strerror}") from None


def _summary(changes: Sequence[_Change], broken: Sequence[Diagnostic], files: int, written: bool) -> str:
    word = "formatted" if written else "to format"
    said = f"{plural(files, 'file')}: {len(changes):,} {word}"
    return f"{said}; {counted(broken)}: files with mistakes are left alone" if broken else said
