"""A project as it was at a git revision: its files in a folder that goes away again."""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from streamwatchd.cli.project import CONFIG
from streamwatchd.diagnostics import Diagnostic
from streamwatchd.errors import UnreadableInput


@dataclass(frozen=True, slots=True)
class Version:
    """A project to read: `folder`, with a slash, is where a revision lies for the moment, `label` what people see."""

    config: Path
    folder: str = ""
    label: str = ""

    def shown(self, text: str) -> str:
        return text.replace(self.folder, self.label) if self.folder else text

    def told(self, problem: Diagnostic) -> Diagnostic:
        """With the paths that people know."""
        span = None if problem.span is None else replace(problem.span, file=self.shown(problem.span.file))
        return replace(problem, span=span, message=self.shown(problem.message), hint=self.shown(problem.hint))


@contextmanager
def version_at(config: Path, revision: str) -> Iterator[Version]:
    """The configuration as it was at a git revision, or in a folder. Raises UnreadableInput where there is none."""
    folder = Path(revision)
    if folder.is_dir():
        if not (folder / CONFIG).is_file():
            raise UnreadableInput(f"there is no {CONFIG} in {revision}")
        yield Version(folder / CONFIG)
        return
    with _checked_out(config, revision) as (there, where):
        yield Version(there, where, f"{revision}:")


@contextmanager
def _checked_out(config: Path, revision: str) -> Iterator[tuple[Path, str]]:
    """The path of `config` as it was, and the folder in front of it, which is of no interest to anybody."""
    config = config.resolve()
    unknown = f"{revision} is neither a project's folder nor a git revision that is known here"
    top = Path(_git(config.parent, "rev-parse", "--show-toplevel", problem=unknown).decode().strip()).resolve()
    commit = _git(top, "rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}", problem=unknown)
    archive = _git(top, "archive", "--format=tar", commit.decode().strip())
    with TemporaryDirectory(prefix="swctl-plan-") as name:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            tar.extractall(name, filter="data")
        there = Path(name).resolve() / config.relative_to(top)
        if not there.is_file():
            raise UnreadableInput(f"there is no {config.relative_to(top)} in {revision}")
        yield there, f"{Path(name).resolve()}/"


def _git(folder: Path, *arguments: str, problem: str = "") -> bytes:
    try:
        return subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True).stdout
    except FileNotFoundError as error:
        raise UnreadableInput("there is no git here; name two folders instead: swctl plan OLD NEW") from error
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip().splitlines()
        raise UnreadableInput(problem or f"git {arguments[0]}: {said[-1] if said else 'failed'}") from error
