"""`${env:NAME}` and `${env:NAME:-default}` in a text; `$$` is a plain `$`.

Form: https://opentelemetry.io/docs/specs/otel/configuration/data-model/#environment-variable-substitution
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

_REFERENCE = re.compile(r"\$\$|\$\{env:([A-Za-z_][A-Za-z0-9_]*)(?::-([^}\n]*))?\}|\$\{[^}]*\}?")

Told = Callable[[re.Match[str]], None]
"""Hears of a reference by its place; the first group is the variable's name."""


def put_in(text: str, environment: Mapping[str, str], *, unread: Told, unset: Told) -> str:
    """The text with references replaced, once: what a variable holds is not looked at again.

    `unread` hears of what is no reference of this form, `unset` of variables that are not set and have no default; both
    leave nothing in their place, unless they raise.
    """

    def replaced(found: re.Match[str]) -> str:
        if found[0] == "$$":
            return "$"
        if found[1] is None:
            unread(found)
            return ""
        value = environment.get(found[1]) or found[2]
        if value is None:
            unset(found)
        return value or ""

    return _REFERENCE.sub(replaced, text)
