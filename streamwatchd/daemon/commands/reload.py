"""`reload`: look at rules and tables now, as on SIGHUP; with `wait`, until what checks is in force in every shard."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from streamwatchd.control import CommandRefused
from streamwatchd.daemon.commands.context import Context
from streamwatchd.daemon.reloader import Outcome
from streamwatchd.daemon.supervisor import Supervisor

_LOOK_S = 0.1
_SAY_EVERY = 50
_COMPILE_S = 300.0


def run(context: Context, arguments: Mapping[str, Any], say: Callable[[str], None]) -> Mapping[str, Any]:
    supervisor, reloader = context.working()
    number = reloader.force()
    if not arguments.get("wait"):
        return {"asked": True}
    outcome = _compiled(context, lambda seconds: reloader.outcome(number, seconds), say)
    result = {
        "asked": True,
        "digest": outcome.digest,
        "refused": list(outcome.refused),
        "problem": outcome.problem,
        "pending_settings": list(context.pending_settings()),
    }
    if not outcome.digest:
        return result | {"in_force": False}
    _await(context, supervisor, outcome.digest, float(arguments.get("seconds", 60)), say)
    version = context.store.versions[-1]
    return result | {"in_force": True, "version": version.number}


def _compiled(context: Context, outcome: Callable[[float], Outcome | None], say: Callable[[str], None]) -> Outcome:
    deadline = context.clock.monotonic() + _COMPILE_S
    while (found := outcome(5.0)) is None:
        say("compiling")
        if context.clock.monotonic() > deadline:
            raise CommandRefused(f"not compiled after {_COMPILE_S:.0f} s; the daemon's log says more", "busy")
    return found


def _await(context: Context, supervisor: Supervisor, digest: str, seconds: float, say: Callable[[str], None]) -> None:
    deadline = context.clock.monotonic() + seconds
    turns = 0
    while not _in_force(context, supervisor, digest):
        if context.clock.monotonic() > deadline:
            raise CommandRefused(
                f"content {digest} is compiled, but not in force in every shard after {seconds:.0f} s"
                f"{_why(supervisor)}; it goes on trying, see `swctl status`"
            )
        turns += 1
        if turns % _SAY_EVERY == 0:
            say(f"waiting for every shard to switch{_why(supervisor)}")
        context.clock.sleep(_LOOK_S)


def _why(supervisor: Supervisor) -> str:
    reason = supervisor.changes.postponed_for
    return f" ({reason})" if reason else ""


def _in_force(context: Context, supervisor: Supervisor, digest: str) -> bool:
    """The newest version has the content, and every shard says that it runs that version (or a later one)."""
    newest = context.store.versions[-1]
    if newest.digest != digest:
        return False
    reports = [slot.report for slot in supervisor.slots]
    return all(
        report is not None and report.gauges.get(("version_number", ()), -1) >= newest.number for report in reports
    )
