"""The real daemon as a child process, its log in a file."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from streamwatchd.errors import Unavailable

START_SECONDS = 45.0
STOP_SECONDS = 20.0
_SHOWN_LINES = 12


def command(config: Path, *, embedded: bool) -> list[str]:
    """By this interpreter; `embedded` when the servers in `config` are an embedded broker."""
    return [sys.executable, "-m", "streamwatchd", "--config", str(config), *(["--embedded-broker"] if embedded else [])]


class Daemon:
    """`with Daemon(command(…), port, log) as daemon:` starts it; leaving stops it by SIGTERM, as systemd would."""

    def __init__(self, command: Sequence[str], port: int, log: Path) -> None:
        self._health = f"http://127.0.0.1:{port}/healthz"
        self._log = log
        self._file = log.open("wb")
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self._file, stderr=subprocess.STDOUT)

    def wait_until_ready(self) -> None:
        """Raises Unavailable with the end of its log when it leaves or does not get ready."""
        deadline = time.monotonic() + START_SECONDS
        while not self._is_healthy():
            self.check()
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"the daemon is not ready after {START_SECONDS:.0f} s; its log ends:\n{self._last_words()}"
                )
            time.sleep(0.1)

    def check(self) -> None:
        """Raises Unavailable with the end of its log when it has left."""
        code = self._process.poll()
        if code is not None:
            raise Unavailable(f"the daemon left with exit code {code}; its log ends:\n{self._last_words()}")

    def _is_healthy(self) -> bool:
        try:
            with urllib.request.urlopen(self._health, timeout=1) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def _last_words(self) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-_SHOWN_LINES:])

    def stop(self) -> int:
        """Its exit code; a daemon that does not leave in time is killed."""
        self._process.terminate()
        try:
            return self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def __enter__(self) -> Daemon:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.stop()
        self._file.close()
