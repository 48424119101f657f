"""The daemon: `streamwatchd --config FILE [--check | --restore SAVEPOINT]`.

Exit codes: 0 stopped, 1 a bug, 2 usage or a project that can't run, 3 another daemon took over, 4 committed offsets and
state do not fit, 5 the state folder or the HTTP address is taken. Of these only 1 is worth a restart.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

for _name in ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # before numpy comes in, here and in the workers, which inherit it

import streamwatchd  # noqa: E402
from streamwatchd.compiler import Compiled, compile_project  # noqa: E402
from streamwatchd.daemon.daemon import EXIT_BUSY, EXIT_USAGE, Daemon, Surroundings  # noqa: E402
from streamwatchd.daemon.fit import Accept  # noqa: E402
from streamwatchd.daemon.logs import configure  # noqa: E402
from streamwatchd.daemon.process import EXIT_MISMATCH  # noqa: E402
from streamwatchd.daemon.restore import Restored  # noqa: E402
from streamwatchd.diagnostics import render  # noqa: E402
from streamwatchd.errors import RuleSetRejected, StateMismatch, Unavailable  # noqa: E402
from streamwatchd.operators.document import iso  # noqa: E402
from streamwatchd.ports.embedded import EmbeddedKafka  # noqa: E402
from streamwatchd.ports.kafka import Kafka  # noqa: E402
from streamwatchd.ports.librdkafka import Librdkafka  # noqa: E402
from streamwatchd.settings import Settings  # noqa: E402


def main(arguments: list[str] | None = None) -> int:
    """Run the daemon; returns the exit code."""
    options = _parse(arguments)
    try:
        compiled = compile_project(options.config)
    except OSError as error:
        return _say(f"can't read {options.config}: {error.strerror or error}", EXIT_USAGE)
    if options.check or compiled.loaded.settings is None:
        return _show(compiled)
    settings = compiled.loaded.settings
    configure(settings.log_level)
    kafka = _embedded if options.embedded_broker else _real
    try:
        daemon = Daemon(options.config, settings, Surroundings(kafka), frozenset(options.accept))
        return _restored(daemon.restore(options.restore)) if options.restore else daemon.run()
    except RuleSetRejected:
        return _show(compiled)
    except StateMismatch as error:
        return _say(str(error), EXIT_MISMATCH)
    except Unavailable as error:
        return _say(str(error), EXIT_BUSY)


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="streamwatchd", description="Rules in YAML become alarms and KPIs over Kafka."
    )
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="the settings, streamwatchd.yaml")
    parser.add_argument("--check", action="store_true", help="check settings, rules and tables, and leave")
    parser.add_argument(
        "--restore", metavar="URL", default="", help="bring a savepoint into the empty state folder, and leave"
    )
    parser.add_argument(
        "--accept",
        action="append",
        default=[],
        type=Accept,
        choices=list(Accept),
        metavar="WHAT",
        help="settle what a start was refused for, and leave: `offsets` puts lost offsets back as the journal has "
        "them, `gap` goes on without records that are gone, `partitions` takes new partitions in",
    )
    parser.add_argument("--embedded-broker", action="store_true", help="the servers are an embedded broker (for demos)")
    parser.add_argument("--version", action="version", version=f"streamwatchd {streamwatchd.__version__}")
    return parser.parse_args(arguments)


def _show(compiled: Compiled) -> int:
    """Every finding; 0 when the project can run as it is, else 2."""
    for each in compiled.loaded.diagnostics:
        sys.stderr.write(render(each) + "\n\n")
    errors = sum(each.is_error for each in compiled.loaded.diagnostics)
    if errors or compiled.program is None:
        return _say(f"{errors} problem(s) in the project", EXIT_USAGE)
    return 0


def _restored(restored: Restored) -> int:
    replays = sum(restored.replays.values())
    then = f"replays {replays} epoch(s) that came after it" if replays else "goes on where it stands"
    shards = restored.savepoint.layout.shards
    return _say(f"restored {shards} shard(s) of {iso(restored.savepoint.at_ms)}; the next start {then}", 0)


def _say(reason: str, code: int) -> int:
    sys.stderr.write(f"streamwatchd: {reason}\n")
    return code


def _real(settings: Settings) -> Kafka:
    return Librdkafka(settings.kafka)


def _embedded(settings: Settings) -> Kafka:
    return EmbeddedKafka(settings.kafka)


if __name__ == "__main__":
    sys.exit(main())
