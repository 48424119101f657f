"""Addresses of snapshot stores."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamwatchd.errors import Unavailable
from streamwatchd.ports.disk import RealDisk
from streamwatchd.ports.open_files import open_files
from streamwatchd.ports.s3 import S3Files


def test_a_folder_is_a_disk(tmp_path: Path) -> None:
    """A mounted one too."""
    files, root = open_files(f"file://{tmp_path}/shared", {})
    assert isinstance(files, RealDisk)
    assert root == tmp_path / "shared"


def test_a_bucket_may_have_a_prefix() -> None:
    """Nothing is asked of the store yet."""
    files, root = open_files("s3://bucket/some/prefix", {"region": "eu-central-1"})
    assert isinstance(files, S3Files)
    assert root == Path("/some/prefix")


@pytest.mark.parametrize("url", ["", "/folder", "file://host/folder", "file:folder", "s3:///prefix", "gs://bucket"])
def test_other_addresses_are_refused(url: str) -> None:
    """With the two forms there are."""
    with pytest.raises(Unavailable, match="file:///folder or s3://bucket/prefix"):
        open_files(url, {})
