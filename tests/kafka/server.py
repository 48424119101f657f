"""A real Kafka on this machine for tests, benchmarks and the demo: KRaft, jars from Maven, loopback only.

    python -m tests.kafka.server start --dir .cache/kafka [--port 9092] [--brokers 3]     prints the address
    python -m tests.kafka.server stop --dir .cache/kafka
    python -m tests.kafka.server run --dir .cache/kafka                                   until Ctrl-C
    python -m tests.kafka.server check                                                    is everything there?

Each start begins with empty logs. What a broker says is in DIR/node-<n>/kafka.log.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "kafka"
POM = ROOT / "packaging" / "kafka" / "pom.xml"
START_SECONDS = 90.0
STOP_SECONDS = 20.0

PROPERTIES = {
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "inter.broker.listener.name": "PLAINTEXT",
    "auto.create.topics.enable": "false",
    "group.initial.rebalance.delay.ms": "0",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.num.partitions": "1",
    # Recordings carry old timestamps: retention by time would delete them at once.
    "log.retention.ms": "-1",
    "log.segment.bytes": str(256 << 20),
}

_children: dict[int, subprocess.Popen[bytes]] = {}
"""Brokers that this process has started and not yet stopped: kept, so that they can be waited for."""


class CannotRun(Exception):
    """There is no real Kafka to be had here; the text says why."""


@dataclass(frozen=True, slots=True)
class Node:
    number: int
    port: int
    controller_port: int
    folder: Path


def obstacle() -> str | None:
    """What is missing on this machine for a real Kafka, in words, or None."""
    if shutil.which("java") is None:
        return "no Java: apt-get install -y openjdk-17-jre-headless"
    if not _jars() and shutil.which("mvn") is None:
        return "no Maven to fetch Kafka with: apt-get install -y maven"
    return None


def install() -> Path:
    """The folder with Kafka's jars, fetched by Maven the first time; raises CannotRun."""
    if problem := obstacle():
        raise CannotRun(problem)
    library = CACHE / "lib"
    if not _jars():
        fetch = ["mvn", "-q", "-B", "-f", str(POM), "dependency:copy-dependencies", "-DincludeScope=runtime"]
        done = subprocess.run([*fetch, f"-DoutputDirectory={library}"], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise CannotRun(f"Maven could not fetch Kafka:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return library


def _jars() -> bool:
    return any((CACHE / "lib").glob("kafka_2.13-*.jar"))


def start(
    folder: Path, *, port: int = 0, brokers: int = 1, heap: str = "512m", properties: Mapping[str, str] | None = None,
    lasting: bool = False,
) -> str:  # fmt: skip
    """Start a cluster with its files under `folder` and return its address once it answers; raises CannotRun.

    `lasting` is for hours and for benchmarks: the code is compiled well, which takes a core for a while.
    """
    library = install()
    if address(folder):
        raise CannotRun(f"a broker is running in {folder} already: {address(folder)}")
    folder = folder.absolute()
    ports = free_ports(2 * brokers)
    if port:
        ports[:brokers] = range(port, port + brokers)
    nodes = [Node(n + 1, ports[n], ports[brokers + n], folder / f"node-{n + 1}") for n in range(brokers)]
    cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    for node in nodes:
        _prepare(node, nodes, cluster, library, properties or {})
    return _run_nodes(folder, nodes, library, heap, lasting)


def start_again(folder: Path, *, heap: str = "512m") -> str:
    """Start what `stop` ended, at its old address and with all it knew; raises CannotRun."""
    folder = folder.absolute()
    nodes = [_known_node(file.parent) for file in sorted(folder.glob("node-*/server.properties"))]
    return _run_nodes(folder, nodes, install(), heap)


def kill(folder: Path, number: int) -> None:
    """End broker `number` (from 1) of the cluster under `folder` with SIGKILL."""
    pid = _pid(folder.absolute() / f"node-{number}" / "pid")
    if pid is not None:
        os.kill(pid, signal.SIGKILL)
        if child := _children.pop(pid, None):
            child.wait()


def revive(folder: Path, number: int, *, heap: str = "512m") -> None:
    """Start broker `number` again with all it knew; does not wait until it answers."""
    _launch(_known_node(folder.absolute() / f"node-{number}"), install(), heap)


def _run_nodes(folder: Path, nodes: list[Node], library: Path, heap: str, lasting: bool = False) -> str:
    processes = [_launch(node, library, heap, lasting) for node in nodes]
    try:
        _wait_until_ready(nodes, processes)
    except BaseException:
        stop(folder)
        raise
    bootstrap = ",".join(f"127.0.0.1:{node.port}" for node in nodes)
    (folder / "address").write_text(bootstrap)
    return bootstrap


def _known_node(folder: Path) -> Node:
    properties = dict(line.split("=", 1) for line in (folder / "server.properties").read_text().splitlines())
    port, controller_port = (int(listener.rpartition(":")[2]) for listener in properties["listeners"].split(","))
    return Node(int(properties["node.id"]), port, controller_port, folder)


def stop(folder: Path) -> None:
    """Stop every broker that was started under `folder`; no error when there is none."""
    running = [pid for file in folder.absolute().glob("node-*/pid") if (pid := _pid(file))]
    for pid in running:
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    for pid in running:
        while _alive(pid, folder.absolute()) and time.monotonic() < deadline:
            time.sleep(0.05)
        if _alive(pid, folder.absolute()):
            os.kill(pid, signal.SIGKILL)
        if child := _children.pop(pid, None):
            child.wait()
    (folder / "address").unlink(missing_ok=True)


def address(folder: Path) -> str | None:
    """The address of the cluster running under `folder`, if there is one."""
    file = folder / "address"
    running = any(_pid(pid_file) for pid_file in folder.absolute().glob("node-*/pid"))
    return file.read_text() if running and file.exists() else None


def _prepare(node: Node, nodes: list[Node], cluster: str, library: Path, extra: Mapping[str, str]) -> None:
    shutil.rmtree(node.folder, ignore_errors=True)
    node.folder.mkdir(parents=True)
    replicas = str(min(3, len(nodes)))
    listeners = f"PLAINTEXT://127.0.0.1:{node.port},CONTROLLER://127.0.0.1:{node.controller_port}"
    properties = {
        **PROPERTIES,
        "node.id": str(node.number),
        "controller.quorum.voters": ",".join(f"{n.number}@127.0.0.1:{n.controller_port}" for n in nodes),
        "listeners": listeners,
        "log.dirs": str(node.folder / "data"),
        "offsets.topic.replication.factor": replicas,
        "transaction.state.log.replication.factor": replicas,
        "transaction.state.log.min.isr": str(min(2, len(nodes))),
        "share.coordinator.state.topic.replication.factor": replicas,
        "share.coordinator.state.topic.min.isr": "1",
        "default.replication.factor": replicas,
        **extra,
    }
    file = node.folder / "server.properties"
    file.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
    # With `=`: an identifier may begin with a hyphen.
    command = [*_java(library, "128m"), "kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "-c", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CannotRun(f"the broker's folder could not be formatted:\n{done.stdout}{done.stderr}")


def _java(library: Path, heap: str, lasting: bool = False) -> list[str]:
    # The first compiler alone: 300 transactions of a new broker take 2 s of a core, not 5.
    options = ["-XX:+UseSerialGC", *([] if lasting else ["-XX:TieredStopAtLevel=1"]), "-Djava.awt.headless=true"]
    quiet = ["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dorg.slf4j.simpleLogger.showDateTime=true"]
    return ["java", f"-Xmx{heap}", *options, *quiet, "-cp", f"{library}/*"]


def _launch(node: Node, library: Path, heap: str, lasting: bool = False) -> subprocess.Popen[bytes]:
    with (node.folder / "kafka.log").open("ab") as log:
        command = [*_java(library, heap, lasting), "kafka.Kafka", str(node.folder / "server.properties")]
        # A session of its own: Ctrl-C in the terminal is for the starter, which then stops the broker in order.
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=node.folder, start_new_session=True
        )
    (node.folder / "pid").write_text(str(process.pid))
    _children[process.pid] = process
    return process


def _wait_until_ready(nodes: list[Node], processes: list[subprocess.Popen[bytes]]) -> None:
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    deadline = time.monotonic() + START_SECONDS
    admin: AdminClient | None = None
    while time.monotonic() < deadline:
        for node, process in zip(nodes, processes, strict=True):
            if process.poll() is not None:
                raise CannotRun(f"the broker left at once:\n{(node.folder / 'kafka.log').read_text()[-2000:]}")
        if all(map(_listens, nodes)):
            bootstrap = ",".join(f"127.0.0.1:{node.port}" for node in nodes)
            admin = admin or AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
            try:
                if len(admin.list_topics(timeout=2).brokers) == len(nodes):
                    return
            except KafkaException:
                pass
        time.sleep(0.1)
    raise CannotRun(f"the broker did not answer within {START_SECONDS:.0f} s")


def _listens(node: Node) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", node.port)) == 0


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()


def _pid(file: Path) -> int | None:
    """The process of a pid file if it is alive and still the broker of that folder, not a later owner of the number."""
    try:
        pid = int(file.read_text())
    except (OSError, ValueError):
        return None
    return pid if _alive(pid, file.parent) else None


def _alive(pid: int, folder: Path) -> bool:
    try:
        return str(folder).encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _run(folder: Path, port: int, brokers: int, heap: str) -> None:
    _say(start(folder, port=port, brokers=brokers, heap=heap, lasting=True))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        signal.pause()
    except KeyboardInterrupt:
        stop(folder)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.kafka.server", description="A real Kafka on this machine.")
    parser.add_argument("command", choices=["start", "stop", "run", "check", "install"])
    parser.add_argument("--dir", type=Path, default=CACHE)
    parser.add_argument("--port", type=int, default=0, help="first broker's port; 0 takes a free one")
    parser.add_argument("--brokers", type=int, default=1)
    parser.add_argument("--heap", default="512m")
    chosen = parser.parse_args(arguments)
    try:
        match chosen.command:
            case "start":
                _say(start(chosen.dir, port=chosen.port, brokers=chosen.brokers, heap=chosen.heap, lasting=True))
            case "stop":
                stop(chosen.dir)
            case "run":
                _run(chosen.dir, chosen.port, chosen.brokers, chosen.heap)
            case "install":
                _say(str(install()))
            case _:
                if problem := obstacle():
                    raise CannotRun(problem)
    except CannotRun as problem:
        sys.stderr.write(f"no Kafka: {problem}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
