"""The HTTP port."""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from streamwatchd.daemon.http import HttpPort
from streamwatchd.errors import Unavailable


@pytest.fixture
def port() -> Iterator[tuple[HttpPort, dict[str, bool]]]:
    state = {"good": True}
    port = HttpPort("127.0.0.1:0", lambda: "streamwatchd_x 1\n", lambda: (state["good"], {"status": "a word"}))
    yield port, state
    port.close()


def get(port: HttpPort, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port.port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_metrics_are_text(port: tuple[HttpPort, dict[str, bool]]) -> None:
    """As Prometheus reads it."""
    assert get(port[0], "/metrics") == (200, "streamwatchd_x 1\n")


def test_health_is_a_status_and_json(port: tuple[HttpPort, dict[str, bool]]) -> None:
    """200 while all is well, else 503."""
    status, text = get(port[0], "/healthz?verbose")
    assert (status, json.loads(text)) == (200, {"status": "a word"})
    port[1]["good"] = False
    assert get(port[0], "/healthz")[0] == 503


def test_other_paths_are_not_there(port: tuple[HttpPort, dict[str, bool]]) -> None:
    """With a hint at what is."""
    status, text = get(port[0], "/")
    assert status == 404
    assert "/metrics" in text


@pytest.mark.parametrize("listen", ["127.0.0.1:nonsense", "999.1.1.1:0", "127.0.0.1:99999"])
def test_an_address_that_can_not_be_had_is_said(listen: str) -> None:
    """Clearly, at the start."""
    with pytest.raises(Unavailable, match="can't listen on"):
        HttpPort(listen, str, lambda: (True, {}))


def test_a_taken_port_is_said() -> None:
    """Two daemons with one configuration."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(Unavailable, match="in use"):
            HttpPort(f"127.0.0.1:{taken.getsockname()[1]}", str, lambda: (True, {}))
