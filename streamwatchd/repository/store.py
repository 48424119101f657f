"""Versions of models in a folder or a bucket: read with every check, written once and never changed.

    <root>/<name>/<version>/manifest.json
    <root>/<name>/<version>/<artifact>
    <root>/<name>/<version>/status.json     good, shadow or withdrawn, since when, by whom and why; good without
    <root>/<name>/audit.ndjson              who changed what, newest last; `in_force` is the newest good version then

A rule takes the newest good version, or the one it pins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import numpy.typing as npt

from streamwatchd.errors import ModelRejected
from streamwatchd.ports.files import Files
from streamwatchd.repository.artifact import decode_arrays, encode_arrays
from streamwatchd.repository.manifest import (
    LARGEST_ARTIFACT,
    LARGEST_MANIFEST,
    Artifact,
    Manifest,
    decode_manifest,
    encode_manifest,
)

MANIFEST, STATUS, AUDIT, ARRAYS = "manifest.json", "status.json", "audit.ndjson", "model.safetensors"
GOOD, SHADOW, WITHDRAWN = "good", "shadow", "withdrawn"


class Status(msgspec.Struct, frozen=True):
    """Whether rules may take a version. `at` is ISO-8601 UTC."""

    status: str
    at: str = ""
    by: str = ""
    reason: str = ""


@dataclass(frozen=True)
class ModelData:
    """A version as it was checked: manifest and arrays, named by the digest of both."""

    manifest: Manifest
    arrays: Mapping[str, npt.NDArray[Any]]
    digest: str


class ModelStore:
    """Calls may raise Unavailable; what can't be trusted raises ModelRejected with the file and the reason."""

    def __init__(self, files: Files, root: Path) -> None:
        self.files, self.root = files, root

    def names(self) -> list[str]:
        return [name for name in self.files.list(self.root) if self.versions(name)]

    def versions(self, name: str) -> list[int]:
        """Ascending; what is no number is not a version."""
        return sorted(int(each) for each in self.files.list(self.root / name) if each.isascii() and each.isdigit())

    def status(self, name: str, version: int) -> Status:
        """A status that can't be read is no leave to use a version."""
        data = self.files.read(self._at(name, version) / STATUS, 0, LARGEST_MANIFEST)
        if data is None:
            return Status(GOOD)
        try:
            found = msgspec.json.decode(data, type=Status)
        except msgspec.DecodeError as error:
            return Status(WITHDRAWN, reason=f"{STATUS} can't be read: {error}")
        return found if found.status in (GOOD, SHADOW) else msgspec.structs.replace(found, status=WITHDRAWN)

    def newest(self, name: str, status: str = GOOD) -> int | None:
        """The highest version of this status; whether it can be read is another question."""
        for version in reversed(self.versions(name)):
            if self.status(name, version).status == status:
                return version
        return None

    def read(self, name: str, version: int) -> ModelData:
        folder = self._at(name, version)
        try:
            return self._read(folder, name, version)
        except ModelRejected as error:
            raise ModelRejected(f"{folder}: {error}") from error

    def sha256(self, name: str, version: int) -> str:
        """Of the artifact of a version, as its manifest says; "" for one that can't be read."""
        try:
            return decode_manifest(self._whole(self._at(name, version) / MANIFEST, LARGEST_MANIFEST)).artifact.sha256
        except ModelRejected:
            return ""

    def content(self, name: str, version: int) -> dict[str, bytes]:
        """The manifest, the artifact and the status of a version that `read` takes, by path."""
        folder = self._at(name, version)
        text = self._whole(folder / MANIFEST, LARGEST_MANIFEST)
        artifact = folder / decode_manifest(text).artifact.file
        found = {str(folder / MANIFEST): text, str(artifact): self._whole(artifact, LARGEST_ARTIFACT)}
        status = self.files.read(folder / STATUS, 0, LARGEST_MANIFEST)
        return found if status is None else found | {str(folder / STATUS): status}

    def sizes(self, name: str, version: int) -> list[tuple[str, int | None]]:
        """Of all files of a version, in order of name: what a change is told by without reading them."""
        folder = self._at(name, version)
        return [(each, self.files.size(folder / each)) for each in self.files.list(folder)]

    def _read(self, folder: Path, name: str, version: int) -> ModelData:
        text = self._whole(folder / MANIFEST, LARGEST_MANIFEST)
        manifest = decode_manifest(text)
        if (manifest.name, manifest.version) != (name, version):
            raise ModelRejected(f"its manifest says that it is {manifest.id[:80]}")
        data = self._whole(folder / manifest.artifact.file, LARGEST_ARTIFACT)
        if len(data) != manifest.artifact.bytes:
            raise ModelRejected(f"{manifest.artifact.file} has {len(data)} bytes, not {manifest.artifact.bytes}")
        if sha256(data).hexdigest() != manifest.artifact.sha256:
            raise ModelRejected(f"{manifest.artifact.file} is not the file of the manifest: its SHA-256 differs")
        return ModelData(manifest, decode_arrays(data), sha256(text + data).hexdigest()[:32])

    def _whole(self, path: Path, largest: int) -> bytes:
        size = self.files.size(path)
        if size is None:
            raise ModelRejected(f"{path.name} is missing")
        if size > largest:
            raise ModelRejected(f"{path.name} has {size} bytes, {largest} are allowed")
        data = self.files.read(path, 0, largest)
        if data is None:
            raise ModelRejected(f"{path.name} is missing")
        return data

    def write(self, manifest: Manifest, arrays: Mapping[str, npt.NDArray[Any]], status: Status) -> Manifest:
        """A new version: status and artifact first, so that what has a manifest is whole. Returns it as written.

        Raises ModelRejected when the version is there.
        """
        folder = self._at(manifest.name, manifest.version)
        if self.files.size(folder / MANIFEST) is not None:
            raise ModelRejected(f"{folder} is there already: versions are never changed")
        data = encode_arrays(arrays)
        artifact = Artifact(ARRAYS, sha256(data).hexdigest(), len(data))
        written = msgspec.structs.replace(manifest, artifact=artifact)
        text = encode_manifest(written)
        decode_manifest(text)
        decode_arrays(data)
        self.files.write(folder / STATUS, msgspec.json.encode(status))
        self.files.write(folder / ARRAYS, data)
        self.files.write(folder / MANIFEST, text)
        return written

    def publish(self, manifest: Manifest, arrays: Mapping[str, npt.NDArray[Any]], status: Status) -> Manifest:
        """The same, with an audit line."""
        written = self.write(manifest, arrays, status)
        self._note(written.name, written.version, "", status)
        return written

    def set_status(self, name: str, version: int, status: Status) -> None:
        """Promote or withdraw, with an audit line."""
        before = self.status(name, version)
        self.files.write(self._at(name, version) / STATUS, msgspec.json.encode(status))
        self._note(name, version, before.status, status)

    def _note(self, name: str, version: int, before: str, status: Status) -> None:
        newest = self.newest(name)
        line = {"version": version, "from": before, "to": status.status, "in_force": newest, **_about(status)}
        path = self.root / name / AUDIT
        self.files.write(path, (self.files.read(path) or b"") + msgspec.json.encode(line) + b"\n")

    def audited(self, name: str) -> list[dict[str, object]]:
        """The audit, oldest first."""
        data = self.files.read(self.root / name / AUDIT) or b""
        return [msgspec.json.decode(line) for line in data.splitlines() if line]

    def _at(self, name: str, version: int) -> Path:
        return self.root / name / str(version)


def _about(status: Status) -> dict[str, str]:
    return {"at": status.at, "by": status.by, "reason": status.reason}
