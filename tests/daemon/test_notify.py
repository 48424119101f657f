"""sd_notify."""

from __future__ import annotations

import socket
from pathlib import Path

from streamwatchd.daemon.notify import notify


def test_the_service_manager_hears_it(tmp_path: Path) -> None:
    """By a datagram to the socket it named."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        notify("READY=1", {"NOTIFY_SOCKET": str(tmp_path / "notify")})
        assert manager.recv(100) == b"READY=1"


def test_without_a_manager_nothing_happens(tmp_path: Path) -> None:
    """Nor with one that is gone."""
    notify("READY=1", {})
    notify("READY=1", {"NOTIFY_SOCKET": str(tmp_path / "gone")})
