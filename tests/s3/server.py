"""A real S3 server on this machine for tests: versitygw (Apache-2.0), built from the Go module proxy, on loopback.

python -m tests.s3.server install       builds it into .cache/s3; takes a minute or two
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

MODULE = "github.com/versity/versitygw/cmd/versitygw@v1.8.0"
CACHE = Path(__file__).resolve().parents[2] / ".cache" / "s3"
KEY, SECRET, BUCKET = "streamwatchd-test", "no-secret-at-all", "snapshots"
_START_S = 30.0


class CannotRun(Exception):
    """There is no S3 server to be had here; the text says why."""


def install() -> Path:
    """The server's program, built the first time. Raises CannotRun."""
    program = CACHE / "versitygw"
    if not program.exists():
        if shutil.which("go") is None:
            raise CannotRun("no Go to build versitygw with")
        CACHE.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, "GOBIN": str(CACHE)}
        done = subprocess.run(["go", "install", MODULE], env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise CannotRun(f"versitygw can't be built: {done.stderr[-2000:]}")
    return program


def program() -> Path:
    """Raises CannotRun where it has not been built; nothing is built without being asked for."""
    path = CACHE / "versitygw"
    if not path.exists():
        raise CannotRun("`make s3` builds one, where there is Go")
    return path


@dataclass(slots=True)
class Server:
    """One bucket `snapshots`; `stop` and `start` keep what is in it."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def options(self) -> dict[str, str]:
        """For `snapshot_store_options`."""
        keys = self.folder / "keys"
        keys.write_text(f"[default]\naws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\n")
        return {"endpoint": self.endpoint, "region": "us-east-1", "credentials_file": str(keys)}

    def start(self) -> None:
        (self.folder / "data" / BUCKET).mkdir(parents=True, exist_ok=True)
        (self.folder / "meta").mkdir(exist_ok=True)
        command = [program(), "--port", f"127.0.0.1:{self.port}", "--access", KEY, "--secret", SECRET, "--quiet"]
        with (self.folder / "log").open("ab") as log:
            backend = ["posix", "--sidecar", self.folder / "meta", self.folder / "data"]
            self.process = subprocess.Popen([*command, *backend], stdout=log, stderr=log)
        until = time.monotonic() + _START_S
        while not _answers(self.port):
            if self.process.poll() is not None or time.monotonic() > until:
                raise CannotRun(f"versitygw does not start: {(self.folder / 'log').read_text()[-2000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = Server(folder, port)
    server.start()
    try:
        yield server
    finally:
        server.stop()


if __name__ == "__main__":
    try:
        sys.stdout.write(f"{install()}\n")
    except CannotRun as problem:
        sys.exit(str(problem))
