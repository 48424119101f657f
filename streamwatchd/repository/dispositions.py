"""What people said of anomalies: false positives and confirmed ones, kept beside a model; what they teach.

<root>/<name>/dispositions.ndjson       one a line, newest last; a later one of the same key and window counts
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from streamwatchd.batch import Value, key_text
from streamwatchd.ports.files import Files
from streamwatchd.repository.calibration import raw_at
from streamwatchd.repository.manifest import Calibration

DISPOSITIONS = "dispositions.ndjson"
FALSE_POSITIVE, CONFIRMED = "false_positive", "confirmed"
VERDICTS = (FALSE_POSITIVE, CONFIRMED)
_ENOUGH = 0.5
"""The shift takes at most so many tail scales a mark away, so that one mark silences no model."""


class Disposition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of the vector of a key whose window ended at `end`, ISO-8601 UTC. `version` gave it `score`, from the raw score
    `raw` of the artifact with the hash `sha256`."""

    verdict: str
    key: dict[str, Value]
    end: str
    version: int
    score: float
    raw: float
    sha256: str
    at: str = ""
    by: str = ""
    note: str = ""


def read_dispositions(files: Files, root: Path, name: str) -> list[Disposition]:
    """In the order of the first mark of each key and window, each as it was marked last."""
    data = files.read(root / name / DISPOSITIONS) or b""
    found: dict[tuple[bytes, str], Disposition] = {}
    for line in data.splitlines():
        if line.strip():
            each = msgspec.json.decode(line, type=Disposition)
            found[_spelt(each.key), each.end] = each
    return list(found.values())


def _spelt(key: Mapping[str, Value]) -> bytes:
    """The same for a number and its text: a program says 443 where a person says "443"."""
    return msgspec.json.encode({name: key_text(value) for name, value in key.items()}, order="sorted")


def add_disposition(files: Files, root: Path, name: str, given: Disposition) -> None:
    path = root / name / DISPOSITIONS
    files.write(path, (files.read(path) or b"") + msgspec.json.encode(given) + b"\n")


def shift_for(calibration: Calibration, marks: Iterable[Disposition], threshold: float) -> float:
    """What to add to the raw scores of an artifact: down, so that half of the false positives stay at or below the
    threshold, but by at most half a tail scale a mark and never so far that a confirmed one does; else up to the lowest
    confirmed one. `marks` are all of this artifact; what the calibration is shifted by now does not count.
    """
    given = list(marks)
    bare = msgspec.structs.replace(calibration, shift=0.0)
    limit = raw_at(bare, threshold)
    false = sorted(each.raw for each in given if each.verdict == FALSE_POSITIVE)
    confirmed = [each.raw for each in given if each.verdict == CONFIRMED]
    most = _ENOUGH * calibration.tail.scale
    if false:
        down = max(min(0.0, limit - false[len(false) // 2]), -most * len(false))
        return max(down, min(0.0, limit - min(confirmed))) if confirmed else down
    return min(max(0.0, limit - min(confirmed)), most * len(confirmed)) if confirmed else 0.0
