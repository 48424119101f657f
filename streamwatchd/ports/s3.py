"""Files in an S3 bucket, through obstore (the object_store library of Apache Arrow's Rust project).

Keys come from the environment (`AWS_ACCESS_KEY_ID`, …, a role of the machine or pod) or from a file as the AWS tools
write it, never from settings. Requests end by time-outs, so that a store that hangs is only a store that is down.
"""

from __future__ import annotations

import configparser
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from streamwatchd.errors import Unavailable, how_to_install

_PROFILE = "default"
_KEYS = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
_CONNECT_S, _REQUEST_S, _RETRY_S = 5, 30, 20
_PIECE = 8 * 2**20
_WAYS_OUT = {
    "UnauthenticatedError": "the store does not know these keys: look at AWS_ACCESS_KEY_ID, …, or `credentials_file`",
    "PermissionDeniedError": "the keys are good for less than reading, writing, listing and deleting in this bucket",
}
"""By class of the library's error, as it is imported only where a store is named."""


class S3Files:
    """See `ports.files.Files`. Objects are replaced at once and whole, as S3 promises it."""

    def __init__(self, bucket: str, options: Mapping[str, str]) -> None:
        """`options` are those of `snapshot_store_options`. Raises Unavailable without the library."""
        try:
            import obstore
            from obstore.store import S3Store
        except ImportError as error:
            raise Unavailable("s3:// needs the package obstore: " + how_to_install("obstore>=0.8")) from error
        self._api: Any = obstore
        config: dict[str, Any] = {name: options[name] for name in ("endpoint", "region") if name in options}
        if "credentials_file" in options:
            config |= _keys(Path(options["credentials_file"]))
        client: dict[str, Any] = {"connect_timeout": f"{_CONNECT_S}s", "timeout": f"{_REQUEST_S}s"}
        if config.get("endpoint", "").startswith("http://"):
            client["allow_http"] = True
        retry: Any = {"max_retries": 3, "retry_timeout": timedelta(seconds=_RETRY_S)}
        with _failures(f"s3://{bucket}"):
            config["virtual_hosted_style_request"] = options.get("virtual_hosted_style") == "true"
            self._store: Any = S3Store(bucket, config=config, client_options=client, retry_config=retry)  # type: ignore[arg-type]

    def write(self, path: Path, data: bytes | Iterable[bytes]) -> int:
        counted = _Counted([data] if isinstance(data, bytes) else data)
        with _failures(f"write {path}"):
            self._api.put(self._store, _name(path), iter(counted), chunk_size=_PIECE, max_concurrency=4)
        return counted.bytes

    def read(self, path: Path, offset: int = 0, length: int | None = None) -> bytes | None:
        with _failures(f"read {path}"):
            if not offset and length is None:
                return self._whole(path)
            size = self.size(path)
            if size is None:
                return None
            end = size if length is None else min(size, offset + length)
            if end <= offset:
                return b""
            return bytes(self._api.get_range(self._store, _name(path), start=offset, end=end))

    def _whole(self, path: Path) -> bytes | None:
        try:
            return bytes(self._api.get(self._store, _name(path)).bytes())
        except FileNotFoundError:
            return None

    def size(self, path: Path) -> int | None:
        with _failures(f"read {path}"):
            try:
                return int(self._api.head(self._store, _name(path))["size"])
            except FileNotFoundError:
                return None

    def rename(self, path: Path, to: Path) -> None:
        with _failures(f"rename {path}"):
            self._api.rename(self._store, _name(path), _name(to))

    def list(self, folder: Path) -> list[str]:
        with _failures(f"list {folder}"):
            found = self._api.list_with_delimiter(self._store, _name(folder))
            names = [each["path"] for each in found["objects"]] + list(found["common_prefixes"])
            return sorted(Path(name).name for name in names)

    def delete(self, path: Path) -> None:
        with _failures(f"delete {path}"):
            self._api.delete(self._store, _name(path))


class _Counted:
    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = pieces
        self.bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self.bytes += len(piece)
            yield piece


def _name(path: Path) -> str:
    return path.as_posix().lstrip("/")


def _keys(path: Path) -> dict[str, str]:
    """Keys of a file like `~/.aws/credentials`, profile `default`."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        with path.open(encoding="utf-8") as file:
            parser.read_file(file)
        return {name: parser[_PROFILE][name] for name in _KEYS if name in parser[_PROFILE]}
    except (OSError, UnicodeDecodeError, configparser.Error, KeyError) as error:
        reason = f"no section [{_PROFILE}]" if isinstance(error, KeyError) else type(error).__name__
        raise Unavailable(f"no keys can be read from credentials_file {path}: {reason}") from error


@contextmanager
def _failures(doing: str) -> Iterator[None]:
    try:
        yield
    except (Unavailable, FileNotFoundError) as problem:
        if isinstance(problem, Unavailable):
            raise
        raise Unavailable(f"{doing}: no such object") from problem
    except Exception as problem:
        lines = str(problem).strip().splitlines() or [type(problem).__name__]
        way_out = _WAYS_OUT.get(type(problem).__name__, "")
        raise Unavailable(f"{doing}: {lines[0]}" + (f"; {way_out}" if way_out else "")) from problem
