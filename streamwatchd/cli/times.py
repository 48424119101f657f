"""Instants on the command line."""

from __future__ import annotations

import time

import click

from streamwatchd.codecs.event_time import parse_times, unreadable
from streamwatchd.lang.units import parse_duration


class Moment(click.ParamType[int]):
    """ISO-8601, or a number of seconds, ms, µs or ns since 1970 (found by its size) → ms."""

    name = "TIME"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        text = str(value)
        number = text.lstrip("-").isdigit()
        found = parse_times([int(text) if number else text])
        if unreadable(found)[0]:
            self.fail(f"`{text}` is no time; write 2026-01-05T08:00:00Z, or seconds since 1970", param, ctx)
        return int(found[0])


class Past(Moment):
    """A moment, or how long ago it was: `2h`."""

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        ago_ms = None if isinstance(value, int) else parse_duration(str(value))
        if ago_ms is not None:
            return int(time.time() * 1000) - ago_ms
        return super().convert(value, param, ctx)


MOMENT = Moment()
PAST = Past()
