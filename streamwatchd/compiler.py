"""From files to what runs: load → check → plan. The one path of daemon, validate, test-rule and dry-run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path

from streamwatchd.operators.spec import FamilySpec
from streamwatchd.operators.stage_spec import LogicalPlan, SourceSpec, StageSpec
from streamwatchd.plan.program import Program
from streamwatchd.plan.rules import build
from streamwatchd.repository.store import ModelData
from streamwatchd.rules.loader import Loaded, load
from streamwatchd.rules.ruleset import RuleSet


@dataclass(frozen=True, slots=True)
class Compiled:
    """What a project's files come to; `program` is None when nothing can run (see `loaded.diagnostics`)."""

    loaded: Loaded
    program: Program | None


def compile_project(
    config: Path,
    *,
    rules_dir: Path | None = None,
    enrichment_dir: Path | None = None,
    calendars_dir: Path | None = None,
    silences_dir: Path | None = None,
    models: str | None = None,
    last_good: Mapping[str, bytes] | None = None,
    copies: Path | None = None,
    replaced: Mapping[str, bytes] | None = None,
    spoken: bytes = b"",
) -> Compiled:
    """Load, check and plan. `last_good` is the content in force, for files that do not check now.

    `models` is another repository than the settings name; with "" rules have no models, and nothing is said of it.
    `copies` is the daemon's folder of fetched tables; without it they may be missing (see `rules.loader.load`).
    `replaced` holds contents by path in place of what is on disk, `spoken` a file of silences that are in no folder.
    """
    loaded = load(
        config,
        rules_dir=rules_dir,
        enrichment_dir=enrichment_dir,
        calendars_dir=calendars_dir,
        silences_dir=silences_dir,
        models=models,
        last_good=last_good,
        copies=copies,
        replaced=replaced,
        spoken=spoken,
    )
    if loaded.settings is None:
        return Compiled(loaded, None)
    return Compiled(loaded, program_of(loaded.ruleset, loaded.settings.max_record_bytes))


def program_of(rules: RuleSet, max_record_bytes: int = 1_048_576) -> Program:
    """The program of checked rules."""
    plan = build(rules, max_record_bytes)
    return Program(plan, hashlib.blake2b(_meaning(plan).encode(), digest_size=16).hexdigest())


def _meaning(value: object) -> str:
    """The value as text that is the same in every process: sets and mappings in order."""
    match value:
        case ModelData():
            return value.digest
        case LogicalPlan() | StageSpec() | FamilySpec():
            own = [f for f in fields(value) if not f.metadata.get("derived")]
            told = [f.name for f in own if not f.metadata.get("later") or getattr(value, f.name)]
            return f"{type(value).__name__}({', '.join(_meaning(getattr(value, name)) for name in told)})"
        case SourceSpec() if value.drops_late:
            return f"{value!r}, late events dropped"  # where they are not, it is the text that it was before
        case frozenset():
            return f"{{{', '.join(sorted(map(_meaning, value)))}}}"
        case Mapping():
            return f"{{{', '.join(f'{key!r}: {_meaning(value[key])}' for key in sorted(value))}}}"
        case tuple():
            return f"({', '.join(map(_meaning, value))})"
        case _:
            return repr(value) + "".join(_later(value))


def _later(value: object) -> Iterator[str]:
    """What fields say that came later and are no part of the text that a value has always had."""
    for each in fields(value) if is_dataclass(value) and not isinstance(value, type) else ():
        if each.metadata.get("later") and not each.repr and getattr(value, each.name):
            yield f", {each.name} {getattr(value, each.name)!r}"
    for member in getattr(value, "members", ()):
        yield from (f"{member.name}{told}" for told in _later(member))
