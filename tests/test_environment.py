"""References to environment variables in a text; in settings they are in tests/rules/test_environment.py."""

from __future__ import annotations

from streamwatchd.environment import put_in


def test_references_are_put_in_once_and_what_is_wrong_is_told() -> None:
    """Whatever a variable holds is not looked at again; what is told of leaves nothing behind."""
    unread: list[str] = []
    unset: list[str] = []
    text = put_in(
        "${env:A}|${env:NO:-d}|$$|${A}|${env:NO}", {"A": "${env:B}"},
        unread=lambda found: unread.append(found[0]), unset=lambda found: unset.append(found[1]),
    )  # fmt: skip
    assert (text, unread, unset) == ("${env:B}|d|$||", ["${A}"], ["NO"])
