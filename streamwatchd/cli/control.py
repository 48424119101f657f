"""What commands to a running daemon have in common: finding its socket, asking, and sentences for what goes wrong."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from streamwatchd.cli.project import config_path
from streamwatchd.control import (
    MOST_ANSWER_BYTES,
    Answer,
    CommandRefused,
    Done,
    Refused,
    Request,
    Say,
    address_of,
    decode_answer,
    encode_request,
    read_line,
)
from streamwatchd.errors import UnreadableInput
from streamwatchd.rules.files import read_content
from streamwatchd.rules.reader import parse
from streamwatchd.rules.settings_reader import read_config

F = TypeVar("F", bound=Callable[..., Any])
_CONNECT_S = 5.0
_SILENCE_S = 60.0


def daemon_options(function: F) -> F:
    """`--config`, `--socket` and `--json`."""
    config = click.option(
        "--config",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="The daemon's configuration, which says where its socket is.",
    )
    path = click.option(
        "--socket",
        "path",
        metavar="PATH",
        type=click.Path(path_type=Path),
        help="The socket itself, in place of the one that the configuration says.",
    )
    as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
    return config(path(as_json(function)))


def socket_path(config: Path | None, path: Path | None) -> Path:
    """Raises UnreadableInput where neither leads to a socket."""
    if path is not None:
        return path
    file = config_path(config)
    content = read_content(str(file))
    if not isinstance(content, bytes):
        raise UnreadableInput(f"can't read {file}: {content}")
    settings = read_config(file, parse(str(file), content)).settings
    if settings is None:
        raise UnreadableInput(f"{file} does not check, see `swctl validate`; or name the socket with --socket PATH")
    if settings.control_socket is None:
        raise UnreadableInput(f"`control_socket` is off in {file}: this daemon takes no commands")
    return settings.control_socket


def ask(path: Path, command: str, arguments: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
    """The daemon's answer; what it says on the way goes to standard error.

    Raises UnreadableInput when no daemon answers there, CommandRefused when it refuses.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as wire:
        _connect(wire, path)
        try:
            return _talk(wire, Request(command, arguments or {}))
        except TimeoutError:
            raise UnreadableInput(
                f"the daemon at {path} says nothing for {_SILENCE_S:.0f} s; its log may say why"
            ) from None
        except OSError as error:
            raise UnreadableInput(f"the daemon at {path} hung up: {error}") from error


def _connect(wire: socket.socket, path: Path) -> None:
    wire.settimeout(_CONNECT_S)
    try:
        with address_of(path) as address:
            wire.connect(address)
    except (FileNotFoundError, ConnectionRefusedError):
        raise UnreadableInput(
            f"no daemon listens at {path}: is it running, and with this configuration? (`control_socket`)"
        ) from None
    except PermissionError:
        raise UnreadableInput(
            f"no permission to use {path}: ask as the daemon's user, as root, or as a member of `control_group`"
        ) from None
    except OSError as error:
        raise UnreadableInput(f"can't reach the daemon at {path}: {error}") from error


def _talk(wire: socket.socket, request: Request) -> Mapping[str, Any]:
    with contextlib.suppress(BrokenPipeError):  # it may have turned us away before it read; its answer says why
        wire.sendall(encode_request(request))
    buffer = bytearray()
    while True:
        answer: Answer = decode_answer(read_line(wire, buffer, MOST_ANSWER_BYTES, _SILENCE_S))
        match answer:
            case Say(text):
                click.echo(f"… {text}", err=True)
            case Done(result):
                return result
            case Refused(reason, code):
                raise CommandRefused(f"the daemon refuses: {reason}", code)


def print_json(result: Mapping[str, Any]) -> None:
    click.echo(json.dumps(result, indent=2, ensure_ascii=False))


def columns(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A table for people; columns of numbers stand to the right."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    numbers = [all(not row[at] or _is_number(row[at]) for row in rows) for at in range(len(head))]
    lines = []
    for row in (head, *rows):
        cells = zip(row, widths, numbers, strict=True)
        lines.append("  ".join(cell.rjust(width) if right else cell.ljust(width) for cell, width, right in cells))
    return "\n".join(line.rstrip() for line in lines)


def _is_number(cell: str) -> bool:
    return cell == "–" or (cell[0].isdigit() and not cell.endswith((")", "Z")) and ", " not in cell)


def span(seconds: float | None) -> str:
    """A length of time in two units at most: 4.2 s, 3 min 20 s, 2 h 5 min, 3 d 4 h; – for none."""
    if seconds is None:
        return "–"
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds != int(seconds) else f"{seconds:.0f} s"
    whole = int(seconds)
    for size, unit, part_size, part in ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // part_size
            return f"{whole // size} {unit}" + (f" {rest} {part}" if rest else "")
    return f"{whole} s"


def number(value: float | None) -> str:
    """With thousands set apart; – for none."""
    return "–" if value is None else f"{value:,.0f}"
