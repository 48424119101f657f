"""The shipped project, pointed at the demo's broker and a folder of its own."""

from __future__ import annotations

import shutil
import socket
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec

from streamwatchd.demo.sources import KINDS
from streamwatchd.diagnostics import render
from streamwatchd.errors import RuleSetRejected, UnreadableInput
from streamwatchd.rules.document import Mapping, Node, Scalar
from streamwatchd.rules.loader import load
from streamwatchd.rules.reader import parse
from streamwatchd.settings import Settings, Topics

SHIPPED = Path(__file__).resolve().parents[2] / "streamwatchd.yaml"


@dataclass(frozen=True, slots=True)
class Project:
    """A project ready to run. `topics` maps each source of the traffic to its topic, `rules` are those in force."""

    config: Path
    settings: Settings
    topics: dict[str, str]
    rules: frozenset[str]
    port: int


def prepare(folder: Path, servers: str, prefix: str = "", config: Path = SHIPPED) -> Project:
    """Write `folder`/streamwatchd.yaml: the shipped one with the broker `servers` and every topic under `prefix`.

    The result is JSON, which is YAML too. Raises UnreadableInput where the shipped project can't be found or does not
    check.
    """
    try:
        document: Any = _plain(parse(str(config), config.read_bytes()).top)
    except OSError as problem:
        raise UnreadableInput(f"the demo plays the project of the repository: {problem}") from problem
    port = _free_port()
    document |= {
        "app": f"{prefix}streamwatchd",
        "kafka": {**document.get("kafka", {}), "bootstrap.servers": servers},
        "state_dir": str(folder / "state"),
        "rules_dir": str(config.parent / document.get("rules_dir", "rules.d")),
        "models": _models(config.parent / document.get("models", "models"), folder),
        "enrichment_dir": str(config.parent / document.get("enrichment_dir", "enrichment.d")),
        "calendars_dir": str(config.parent / document.get("calendars_dir", "calendars.d")),
        "listen": f"127.0.0.1:{port}",
    }
    topics = {name: prefix + source["topic"] for name, source in document["sources"].items()}
    for name, topic in topics.items():
        document["sources"][name]["topic"] = topic
    # the film plays minutes ago, so the daemon may say of itself that it is late: that is no alarm of the film
    outputs = {**asdict(Topics()), "self_alerts": "streamwatchd.self-alerts", **document.get("topics", {})}
    document["topics"] = {name: prefix + topic for name, topic in outputs.items() if topic}
    written = folder / "streamwatchd.yaml"
    written.write_bytes(msgspec.json.format(msgspec.json.encode(document), indent=2))
    return _checked(written, {kind.name: topics[kind.name] for kind in KINDS}, port)


def _models(repository: Path, folder: Path) -> str:
    """A copy: a daemon takes a version back that floods, and the checkout is not the film's to change."""
    if repository.is_dir():
        shutil.copytree(repository, folder / "models", dirs_exist_ok=True)
    return str(folder / "models")


def _checked(config: Path, topics: dict[str, str], port: int) -> Project:
    loaded = load(config)
    if loaded.settings is None or any(diagnostic.is_error for diagnostic in loaded.diagnostics):
        raise UnreadableInput("\n\n".join(map(render, loaded.diagnostics))) from RuleSetRejected(loaded.diagnostics)
    return Project(config, loaded.settings, topics, frozenset(rule.name for rule in loaded.ruleset.rules), port)


def _plain(node: Node | None) -> Any:
    match node:
        case None:
            return None
        case Scalar(value=value):
            return value
        case Mapping(entries=entries):
            return {key.text: _plain(value) for key, value in entries}
        case _:
            return [_plain(item) for item in node.items]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
