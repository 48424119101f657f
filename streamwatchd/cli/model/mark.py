"""`swctl model mark`."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from streamwatchd.cli.model.store import Repository, now, open_repository, repository_options, somebody
from streamwatchd.errors import UnreadableInput
from streamwatchd.operators.document import iso
from streamwatchd.repository.calibration import raw_at
from streamwatchd.repository.dispositions import (
    VERDICTS,
    Disposition,
    add_disposition,
    read_dispositions,
    shift_for,
)
from streamwatchd.repository.store import GOOD, Status
from streamwatchd.training.spans import at_ms

THRESHOLD = 0.95
_LEAST = 0.01
"""A new version is written only where the shift moves by more than this part of the tail's scale."""


@click.command("mark")
@click.argument("model", metavar="NAME[@VERSION]")
@click.argument("verdict", type=click.Choice([each.replace("_", "-") for each in VERDICTS]))
@click.option("--key", "pairs", multiple=True, metavar="FIELD=VALUE", help="The key of the anomaly, each field once.")
@click.option("--at", "at", required=True, metavar="TIME", help="The end of its window, as the event says.")
@click.option("--score", required=True, type=click.FloatRange(0, 1), help="Its score, as the event says.")
@click.option("--note", default="", help="Why.")
@repository_options
def command(
    model: str,
    verdict: str,
    pairs: tuple[str, ...],
    at: str,
    score: float,
    note: str,
    config: Path | None,
    rules_dir: Path | None,
    models: str | None,
) -> None:
    """Say what an anomaly was: NAME[@VERSION] is the model that scored it, VERDICT false-positive or confirmed.

    Marks are kept beside the model. They shift the calibration, as a new version of the same artifact; the next
    training learns from what was marked a false positive, and leaves out what was confirmed.
    """
    repository = open_repository(config, rules_dir, models)
    name, version = repository.version(model)
    manifest = repository.store.read(name, version).manifest
    try:
        end = iso(at_ms(at))
    except ValueError as error:
        raise UnreadableInput(f"--at {at}: {error}; write 2026-01-05T10:00:00Z") from error
    given = Disposition(
        verdict=verdict.replace("-", "_"),
        key=_key(pairs),
        end=end,
        version=version,
        score=score,
        raw=raw_at(manifest.calibration, score),
        sha256=manifest.artifact.sha256,
        at=now(),
        by=somebody(),
        note=note,
    )
    add_disposition(repository.files, repository.root, name, given)
    click.echo(f"{manifest.id}: marked as {verdict}; {_shifted(repository, name, version)}")


def _key(pairs: tuple[str, ...]) -> dict[str, object]:
    found: dict[str, object] = {}
    for pair in pairs:
        field, equals, value = pair.partition("=")
        if not equals or not field:
            raise UnreadableInput(f"--key {pair}: write FIELD=VALUE, such as service=billing")
        found[field] = value
    return found


def _shifted(repository: Repository, name: str, version: int) -> str:
    """Writes the version with the shift that all marks of the artifact teach, where it differs."""
    store = repository.store
    data = store.read(name, version)
    manifest = data.manifest
    marks = [
        each
        for each in read_dispositions(repository.files, repository.root, name)
        if each.sha256 == manifest.artifact.sha256
    ]
    shift = shift_for(manifest.calibration, marks, THRESHOLD)
    if abs(shift - manifest.calibration.shift) <= _LEAST * manifest.calibration.tail.scale:
        return "its calibration stays"
    status = store.status(name, version).status
    fresh = msgspec.structs.replace(
        manifest,
        version=store.versions(name)[-1] + 1,
        calibration=msgspec.structs.replace(manifest.calibration, shift=shift),
        created_at=now(),
        created_by=somebody(),
    )
    reason = f"{manifest.id} with its calibration shifted by {shift:.4g} after {len(marks)} marks"
    store.publish(fresh, data.arrays, Status(status, now(), somebody(), reason))
    used = f"; rules that name `{name}` take it" if status == GOOD else f"; it is {status}"
    return f"its calibration shifts by {shift:.4g} as {fresh.id}{used}"
