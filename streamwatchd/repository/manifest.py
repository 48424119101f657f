"""What is known of a version of a model: `manifest.json` beside its artifact."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

import msgspec

from streamwatchd.errors import ModelRejected

FORMAT = 1
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
LARGEST_MANIFEST = 1 << 20
LARGEST_ARTIFACT = 256 << 20
MOST_FEATURES = 256


class Feature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A feature by the name that rules give it; `unit` as the rule had it, `aggregate` its text, for people."""

    name: str
    unit: str = ""
    aggregate: str = ""


class Artifact(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file beside the manifest, by its content."""

    file: str
    sha256: str
    bytes: int


class Tail(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A generalised Pareto tail over `threshold`, which a share of held-back vectors exceeds.

    `shape_error` is the standard error of the shape; `vectors` so many exceedances it was fitted to.
    """

    threshold: float
    share: float
    shape: float
    scale: float
    shape_error: float
    vectors: int


class Calibration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From raw scores to the score that means the same for every model.

    `body` are raw scores at evenly spaced shares of held-back normal vectors, from 0 to 1 − tail.share, ascending;
    `per_day` is how many vectors a key has in a day. `shift` is added to raw scores: what dispositions taught.
    """

    per_day: float
    body: list[float]
    tail: Tail
    shift: float = 0.0


class Training(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where it learned: the rule and its text, the recording or topic, its span of event time, what was left out."""

    rule: str
    query: str
    source: str
    begin: str
    end: str
    vectors: int
    keys: int
    left_out: int = 0
    seed: int = 0


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A version of a model. `every_ms` is the step of its vectors; `metrics` were measured on held-back data."""

    format: int
    name: str
    version: int
    kind: str
    features: list[Feature]
    every_ms: int
    artifact: Artifact
    calibration: Calibration
    training: Training
    hyperparameters: dict[str, bool | int | float | str] = {}
    metrics: dict[str, float] = {}
    created_at: str = ""
    created_by: str = ""
    libraries: dict[str, str] = {}

    @property
    def id(self) -> str:
        """As rules and events name it."""
        return f"{self.name}@{self.version}"

    @property
    def feature_names(self) -> tuple[str, ...]:
        return tuple(feature.name for feature in self.features)


def encode_manifest(manifest: Manifest) -> bytes:
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"


def decode_manifest(data: bytes) -> Manifest:
    """Raises ModelRejected for what is no manifest, with the place and the reason."""
    if len(data) > LARGEST_MANIFEST:
        raise ModelRejected(f"the manifest has {len(data)} bytes, {LARGEST_MANIFEST} are allowed")
    try:
        manifest = msgspec.json.decode(data, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ModelRejected(f"the manifest is not valid: {error}") from error
    for problem in _problems(manifest):
        raise ModelRejected(f"the manifest is not valid: {problem}")
    return manifest


def _problems(manifest: Manifest) -> Iterator[str]:
    if manifest.format != FORMAT:
        yield f"format {manifest.format}, this version reads {FORMAT}"
    if not _NAME.fullmatch(manifest.name):
        yield f"`{manifest.name[:80]}` is no name"
    if not 1 <= manifest.version < 2**31:
        yield f"version {manifest.version} (versions count from 1)"
    if not 1 <= len(manifest.features) <= MOST_FEATURES:
        yield f"{len(manifest.features)} features (1 to {MOST_FEATURES})"
    if len(set(manifest.feature_names)) < len(manifest.features):
        yield "a feature is named twice"
    if not all(_NAME.fullmatch(name) for name in manifest.feature_names):
        yield "a feature has no valid name"
    if not 1 <= manifest.every_ms <= 366 * 86_400_000:
        yield f"every_ms is {manifest.every_ms}"
    yield from _artifact_problems(manifest.artifact)
    yield from _calibration_problems(manifest.calibration)


def _artifact_problems(artifact: Artifact) -> Iterator[str]:
    if not _FILE.fullmatch(artifact.file) or ".." in artifact.file:
        yield f"artifact.file `{artifact.file[:80]}` is not the name of a file beside the manifest"
    if not _SHA256.fullmatch(artifact.sha256):
        yield "artifact.sha256 is no SHA-256 in hexadecimal"
    if not 1 <= artifact.bytes <= LARGEST_ARTIFACT:
        yield f"artifact.bytes is {artifact.bytes}, {LARGEST_ARTIFACT} are allowed"


def _calibration_problems(calibration: Calibration) -> Iterator[str]:
    tail = calibration.tail
    numbers = [*calibration.body, calibration.per_day, calibration.shift, tail.threshold, tail.shape, tail.scale]
    if not all(map(math.isfinite, [*numbers, tail.share, tail.shape_error])):
        yield "calibration has numbers that are not finite"
    elif not (2 <= len(calibration.body) <= 10_000 and sorted(calibration.body) == calibration.body):
        yield "calibration.body is not an ascending list of 2 to 10,000 raw scores"
    elif calibration.per_day <= 0 or not 0 < tail.share < 1 or tail.scale <= 0 or abs(tail.shape) > 1:
        yield "calibration has a rate, share, scale or shape out of range"
    elif tail.threshold < calibration.body[-1]:
        yield "calibration.tail begins within the body"
