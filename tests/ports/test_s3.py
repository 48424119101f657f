"""S3: what is said when it does not answer, refuses, or can't be reached at all."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
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


@contextmanager
def refusing(status: int) -> Iterator[str]:
    """The endpoint of a store that refuses whatever is asked."""

    class Refuses(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_HEAD = do_POST = do_PUT

        def log_message(self, format: str, *args: object) -> None:
            """Nothing is logged."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Refuses)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize(
    ("status", "way_out"), [(401, "look at AWS_ACCESS_KEY_ID"), (403, "reading, writing, listing")]
)
def test_a_store_that_refuses_says_where_to_look(tmp_path: Path, status: int, way_out: str) -> None:
    """Whether the keys are unknown or good for too little."""
    pytest.importorskip("obstore")
    keys = tmp_path / "keys"
    keys.write_text("[default]\naws_access_key_id = a\naws_secret_access_key = secret\n")
    with refusing(status) as endpoint:
        files = S3Files("bucket", {"endpoint": endpoint, "region": "none", "credentials_file": str(keys)})
        with pytest.raises(Unavailable, match=way_out) as caught:
            files.write(Path("/a"), b"x")
        with pytest.raises(Unavailable, match=way_out):
            files.read(Path("/a"))
    assert "secret" not in str(caught.value)
