"""From the address of a snapshot store to its files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from streamwatchd.errors import Unavailable
from streamwatchd.ports.disk import RealDisk
from streamwatchd.ports.files import Files
from streamwatchd.ports.s3 import S3Files


def open_files(url: str, options: Mapping[str, str]) -> tuple[Files, Path]:
    """The files of `file:///folder` or `s3://bucket/prefix`, and the folder in them that is ours.

    Nothing is asked of the store yet. Raises Unavailable for an address of neither kind, or without the library.
    """
    address = urlsplit(url)
    if address.scheme == "file" and not address.netloc and address.path.startswith("/"):
        return RealDisk(), Path(address.path)
    if address.scheme == "s3" and address.netloc:
        return S3Files(address.netloc, options), Path("/") / address.path.lstrip("/")
    raise Unavailable(f"{url}: write file:///folder or s3://bucket/prefix")
