"""Telling systemd how it goes: sd_notify(3) by its plain socket, nothing where there is none."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Mapping


def notify(state: str, environment: Mapping[str, str] = os.environ) -> None:
    """`state` is READY=1, STOPPING=1, WATCHDOG=1, STATUS=… or several in lines."""
    address = environment.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as wire:
        wire.connect(address.replace("@", "\0", 1))
        wire.send(state.encode())
