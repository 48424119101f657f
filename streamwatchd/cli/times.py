"""Instants on the command line."""

from __future__ import annotations

import click

from streamwatchd.codecs.event_time import parse_times, unreadable


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


MOMENT = Moment()
