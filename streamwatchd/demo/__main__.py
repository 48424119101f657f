"""`python -m streamwatchd.demo` plays realistic traffic and judges the alarms; `… record FILE` writes it to a file.

`… quiet SOURCE FILE` writes quiet days of one source, with `--incidents` as many odd stretches and their labels.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from streamwatchd.demo.feed import PARTITIONS
from streamwatchd.demo.incidents import PAST_SECONDS
from streamwatchd.demo.play import Wanted, play
from streamwatchd.demo.quiet import RATES, incidents, quiet, topic_of, write_labels
from streamwatchd.demo.record import record, record_all
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
        if options.command == "quiet":
            return _quiet(options, show)
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
    named = arguments and arguments[0] in ("play", "record", "quiet", "-h", "--help")
    return [*arguments] if named else ["play", *arguments]


def _record(options: argparse.Namespace, show: Show) -> int:
    shape = Shape(RECORDING_START_MS, options.seconds, options.rate, options.seed, past_seconds=PAST_SECONDS)
    traffic = generate(shape)
    record(traffic, options.file, PARTITIONS)
    if options.file != "-":
        show.say(
            f"{len(traffic):,} events in {options.file}; try: swctl dry-run --config streamwatchd.yaml {options.file}"
        )
    return 0


def _quiet(options: argparse.Namespace, show: Show) -> int:
    odd = incidents(options.source, RECORDING_START_MS, options.days, options.seed, options.incidents)
    effects = [effect for each in odd for effect in each.effects]
    stretches = quiet(options.source, RECORDING_START_MS, options.days, options.seed, effects)
    count = record_all({topic_of(options.source): PARTITIONS}, stretches, options.file, PARTITIONS)
    if options.labels:
        write_labels(odd, RECORDING_START_MS, Path(options.labels))
    if options.file != "-":
        show.say(f"{count:,} events of {options.days:g} days in {options.file}, {len(odd)} odd stretches")
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
    days = commands.add_parser("quiet", help="write quiet days of one source, to train and to judge models")
    days.add_argument("source", choices=sorted(RATES))
    days.add_argument("file", help="NDJSON, plain or .gz or .zst; - is standard output")
    days.add_argument("--days", type=float, default=7.0, help="how many (7)")
    days.add_argument("--seed", type=int, default=1, help="of the traffic (1)")
    days.add_argument("--incidents", type=int, default=0, help="so many stretches that are odd (0)")
    days.add_argument("--labels", default="", help="where those are written, as `swctl model` reads them")
    return parser


if __name__ == "__main__":
    sys.exit(main())
