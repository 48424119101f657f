"""Options of the form NAME=VALUE."""

from __future__ import annotations

from collections.abc import Iterable

from streamwatchd.errors import UnreadableInput


def pairs(option: str, texts: Iterable[str], such_as: str) -> dict[str, str]:
    """The values by name; `such_as` is an example that a message shows. Raises UnreadableInput."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UnreadableInput(f"{option} {text}: write NAME=VALUE, such as {option} {such_as}")
        if name in found:
            raise UnreadableInput(f"{option} {text}: `{name}` is {found[name]} already; say it once")
        found[name] = value
    return found
