"""S3: what is said when it does not answer, refuses, or can't be reached at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamwatchd.errors import Unavailable
from streamwatchd.ports.s3 import S3Files
from tests.s3.server import BUCKET, KEY, SECRET, Server, running


@pytest.mark.s3
def test_a_store_that_is_down_is_unavailable_and_comes_back(tmp_path: Path, s3: Server) -> None:
    """Each call says so, within its time-outs; what was written is there afterwards."""
    with running(tmp_path) as server:
        files = S3Files(BUCKET, server.options)
        files.write(Path("/a"), b"kept")
        server.stop()
        with pytest.raises(Unavailable, match="read /a"):
            files.read(Path("/a"))
        server.start()
        assert files.read(Path("/a")) == b"kept"


@pytest.mark.s3
def test_refused_keys_are_said_and_never_shown(s3: Server, tmp_path: Path) -> None:
    """Neither the key that was refused nor the secret stands in the message."""
    keys = tmp_path / "keys"
    keys.write_text(f"[default]\naws_access_key_id = {KEY}\naws_secret_access_key = wrong-{SECRET}\n")
    files = S3Files(BUCKET, s3.options | {"credentials_file": str(keys)})
    with pytest.raises(Unavailable, match=r"write /a:") as caught:
        files.write(Path("/a"), b"x")
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("text", ["", "[other]\na = b\n", "no section at all"])
def test_a_file_without_keys_is_named(tmp_path: Path, text: str) -> None:
    """The path and what is missing, not the content."""
    keys = tmp_path / "keys"
    keys.write_text(text)
    with pytest.raises(Unavailable, match="credentials_file"):
        S3Files("bucket", {"credentials_file": str(keys)})
    keys.unlink()
    with pytest.raises(Unavailable, match="FileNotFoundError"):
        S3Files("bucket", {"credentials_file": str(keys)})
