"""The repository of models that the commands work on, and what they have in common."""

from __future__ import annotations

import getpass
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from streamwatchd.cli.project import config_path, project_options
from streamwatchd.compiler import compile_project
from streamwatchd.diagnostics import did_you_mean
from streamwatchd.errors import UnreadableInput
from streamwatchd.operators.document import iso
from streamwatchd.ports.files import Files
from streamwatchd.ports.open_files import open_files
from streamwatchd.repository.store import GOOD, ModelStore

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Repository:
    files: Files
    root: Path
    store: ModelStore

    def known(self, name: str) -> str:
        """The name, where there is such a model; raises UnreadableInput."""
        if self.store.versions(name):
            return name
        names = self.store.names()
        hint = did_you_mean(name, names) or (f"models: {', '.join(names)}" if names else "there is none yet")
        raise UnreadableInput(f"there is no model `{name}` in {self.root}; {hint}")

    def version(self, reference: str) -> tuple[str, int]:
        """`name@version`, or `name` for its newest good one, else its newest one."""
        name, _, pinned = reference.partition("@")
        self.known(name)
        versions = self.store.versions(name)
        if not pinned:
            newest = self.store.newest(name, GOOD)
            return name, versions[-1] if newest is None else newest
        if not pinned.isdigit() or int(pinned) not in versions:
            raise UnreadableInput(f"`{name}` has no version {pinned}; it has {', '.join(map(str, versions))}")
        return name, int(pinned)


def repository_options(function: F) -> F:
    """`--config`, `--rules` and `--models`."""
    models = click.option("--models", metavar="DIR|URL", help="The repository, in place of the configured one.")
    return project_options(models(function))


def open_repository(config: Path | None, rules_dir: Path | None, models: str | None) -> Repository:
    """The one that was given, else the configuration's. Raises UnreadableInput, Unavailable."""
    options: dict[str, str] = {}
    where = models and (models if "://" in models else f"file://{Path(models).absolute()}")
    if not where or where.startswith("s3://"):
        settings = compile_project(config_path(config), rules_dir=rules_dir, models="").loaded.settings
        if settings is None:
            raise UnreadableInput("the configuration does not check; see `swctl validate`, or give --models DIR")
        where, options = where or settings.models, dict(settings.snapshot_store_options)
    files, root = open_files(where, options)
    return Repository(files, root, ModelStore(files, root))


def now() -> str:
    """ISO-8601 UTC."""
    return iso(int(time.time() * 1000))


def somebody() -> str:
    """Who calls."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
