"""`audit`: what changed this daemon's work, and who said so, the newest last."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from streamwatchd.control import CommandRefused
from streamwatchd.daemon.audit import AUDITED, newest
from streamwatchd.daemon.commands.context import Context
from streamwatchd.diagnostics import did_you_mean


def run(context: Context, arguments: Mapping[str, Any], say: Callable[[str], None]) -> Mapping[str, Any]:
    """`lines` at most; `events` alone, if any are named."""
    events = [str(each) for each in arguments.get("events", ())]
    for event in events:
        if event not in AUDITED:
            hint = did_you_mean(event, AUDITED) or f"events: {', '.join(sorted(AUDITED))}"
            raise CommandRefused(f"the audit has no event `{event}`; {hint}")
    lines = int(arguments.get("lines", 50))
    return {"lines": newest(context.disk, context.settings.state_dir, lines, events)}
