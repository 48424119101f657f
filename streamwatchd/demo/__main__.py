"""`python -m streamwatchd.demo` plays realistic traffic and judges the alarms; `… record FILE` writes it to a file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from streamwatchd.demo.feed import PARTITIONS
from streamwatchd.demo.play import Wanted, play
from streamwatchd.demo.record import record
from streamwatchd.demo.show import Show, open_show
from streamwatchd.demo.traffic import Shape, generate
from streamwatchd.errors import StreamwatchdError

RECORDING_START_MS = 1_767_571_200_000
"""2026-01-05T00:00Z, a Monday: the same command writes the same recording."""


def main(arguments: Sequence[str] | None = None) -> int:
    """0: every incident found, nothing cried out; 1: not so; 2: it could not be tried."""
    options = _parser().parse_args(_with_command(sys.argv[1:] if arguments is None else arguments))
    show = open_show(sys.stdout)
    try:
        if options.command == "record":
            return _record(options, show)
        wanted = Wanted(options.kafka, options.seed, options.seconds, options.rate, options.wall_seconds)
        return 0 if play(wanted, show).good else 1
    except (StreamwatchdError, ValueError) as problem:
        show.end()
        print(f"demo: {problem}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        show.end()
        return 130


def _with_command(arguments: Sequence[str]) -> list[str]:
    named = arguments and arguments[0] in ("play", "record", "-h", "--help")
    return [*arguments] if named else ["play", *arguments]


def _record(options: argparse.Namespace, show: Show) -> int:
    traffic = generate(Shape(RECORDING_START_MS, options.seconds, options.rate, options.seed))
    record(traffic, options.file, PARTITIONS)
    if options.file != "-":
        show.say(
            f"{len(traffic):,} events in {options.file}; try: swctl dry-run --config streamwatchd.yaml {options.file}"
        )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m streamwatchd.demo", description=__doc__)
    traffic = argparse.ArgumentParser(add_help=False)
    traffic.add_argument("--seed", type=int, default=1, help="of the traffic (1)")
    traffic.add_argument("--seconds", type=int, default=1_800, help="of event time (1800)")
    traffic.add_argument("--rate", type=float, default=150.0, help="events per second of event time (150)")
    commands = parser.add_subparsers(dest="command")
    playing = commands.add_parser("play", parents=[traffic], help="broker, daemon and traffic together (the default)")
    playing.add_argument("--kafka", default="", metavar="HOST:PORT", help="a real broker instead of the embedded one")
    playing.add_argument("--wall-seconds", type=float, default=45.0, help="how long the film takes (45)")
    recording = commands.add_parser("record", parents=[traffic], help="write the traffic to a file")
    recording.add_argument("file", help="NDJSON, plain or .gz or .zst; - is standard output")
    return parser


if __name__ == "__main__":
    sys.exit(main())
