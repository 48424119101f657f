"""What the control socket answers: one command a file, loaded when it is asked for.

A command is `run(context, arguments, say) → result`, JSON-like; it raises CommandRefused. Each runs in its own thread.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from streamwatchd.control import CommandRefused, Request
from streamwatchd.daemon.commands.context import Context
from streamwatchd.diagnostics import did_you_mean

COMMANDS = (
    "status", "lag", "rules", "tables", "models", "alerts", "explain", "reload", "silence", "silences", "ack", "audit",
    "savepoint", "takeover",
)  # fmt: skip


def run(context: Context, request: Request, say: Callable[[str], None]) -> Mapping[str, Any]:
    if request.command not in COMMANDS:
        hint = did_you_mean(request.command, COMMANDS) or f"commands: {', '.join(COMMANDS)}"
        raise CommandRefused(f"this daemon knows no command `{request.command}`; {hint}", "unknown_command")
    module = importlib.import_module(f"{__name__}.{request.command}")
    result: Mapping[str, Any] = module.run(context, request.arguments, say)
    return result
