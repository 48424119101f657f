"""What people say of an anomaly, taken in: kept beside the model, and its calibration shifted by all that was said.

`swctl model mark` calls this, and whoever else hears of a verdict. The same verdict again changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from streamwatchd.batch import Value
from streamwatchd.errors import ModelRejected
from streamwatchd.repository.calibration import raw_at
from streamwatchd.repository.dispositions import Disposition, add_disposition, read_dispositions, shift_for
from streamwatchd.repository.store import ModelData, ModelStore, Status

THRESHOLD = 0.95
_LEAST = 0.01
"""A new version is written only where the shift moves by more than this part of the tail's scale."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`verdict` is false_positive or confirmed, of the row of `key` whose window ended at `end` (ISO-8601 UTC) and that
    `name`@`version` gave the `score`. `by` says it at `at`."""

    name: str
    version: int
    verdict: str
    key: Mapping[str, Value]
    end: str
    score: float
    at: str
    by: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of it: the shift of the calibration, and the new version with it; 0 where the calibration stays."""

    shift: float
    version: int = 0
    status: str = ""


def take(store: ModelStore, given: Verdict) -> Taken:
    """Raises ModelRejected for a version that can't be read, Unavailable for a repository that can't be written."""
    data = store.read(given.name, given.version)
    manifest = data.manifest
    kept = Disposition(
        verdict=given.verdict,
        key=dict(given.key),
        end=given.end,
        version=given.version,
        score=given.score,
        raw=raw_at(manifest.calibration, given.score),
        sha256=manifest.artifact.sha256,
        at=given.at,
        by=given.by,
        note=given.note,
    )
    said = read_dispositions(store.files, store.root, given.name)
    if kept not in said:
        add_disposition(store.files, store.root, given.name, kept)
        said = read_dispositions(store.files, store.root, given.name)
    return _shifted(store, given, _newest_of_the_artifact(store, data), said)


def _shifted(store: ModelStore, given: Verdict, data: ModelData, said: Sequence[Disposition]) -> Taken:
    """Writes a version with the shift that all marks of the artifact teach, where its newest, `data`, has another."""
    name, manifest = given.name, data.manifest
    marks = [each for each in said if each.sha256 == manifest.artifact.sha256]
    shift = shift_for(manifest.calibration, marks, THRESHOLD)
    if abs(shift - manifest.calibration.shift) <= _LEAST * manifest.calibration.tail.scale:
        return Taken(manifest.calibration.shift)
    status = store.status(name, manifest.version).status
    fresh = msgspec.structs.replace(
        manifest,
        version=store.versions(name)[-1] + 1,
        calibration=msgspec.structs.replace(manifest.calibration, shift=shift),
        created_at=given.at,
        created_by=given.by,
    )
    count = "a mark" if len(marks) == 1 else f"{len(marks)} marks"
    reason = f"{manifest.id} with its calibration shifted by {shift:.4g} after {count}"
    store.publish(fresh, data.arrays, Status(status, given.at, given.by, reason))
    return Taken(shift, fresh.version, status)


def _newest_of_the_artifact(store: ModelStore, data: ModelData) -> ModelData:
    """Versions that differ in their calibration alone are one model."""
    name, first = data.manifest.name, data.manifest.version
    for version in reversed([each for each in store.versions(name) if each > first]):
        try:
            found = store.read(name, version)
        except ModelRejected:
            continue
        if found.manifest.artifact.sha256 == data.manifest.artifact.sha256:
            return found
    return data
