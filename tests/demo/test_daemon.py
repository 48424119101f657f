"""The daemon as a child: ready, stopped, and gone before its time."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from streamwatchd.demo.daemon import Daemon, command
from streamwatchd.errors import Unavailable

HEALTHY = """
import http.server, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/healthz" else 404)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Answer).serve_forever()
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_healthy_daemon_is_ready_and_leaves_when_told(tmp_path: Path) -> None:
    """Ready is what /healthz says; SIGTERM lets it leave by itself."""
    port = free_port()
    with Daemon([sys.executable, "-c", HEALTHY, str(port)], port, tmp_path / "log") as daemon:
        daemon.wait_until_ready()
        daemon.check()
        assert daemon.stop() == 0


def test_a_daemon_that_leaves_takes_its_last_words_along(tmp_path: Path) -> None:
    """The end of its log says why, without looking for a file that is already gone."""
    script = "print('no such broker'); raise SystemExit(3)"
    with (
        Daemon([sys.executable, "-c", script], free_port(), tmp_path / "log") as daemon,
        pytest.raises(Unavailable, match=r"(?s)exit code 3.*no such broker"),
    ):
        daemon.wait_until_ready()


def test_it_is_the_real_one() -> None:
    """By this interpreter, from this package, told of an embedded broker."""
    real = [sys.executable, "-m", "streamwatchd", "--config", "x.yaml"]
    assert command(Path("x.yaml"), embedded=False) == real
    assert command(Path("x.yaml"), embedded=True) == [*real, "--embedded-broker"]
