"""One test from start to verdict, restarts included: they must not change what comes of the timeline."""

from __future__ import annotations

import msgspec

from streamwatchd.testing.timeline import Case, Verb
from streamwatchd.testing.timeline_match import Failure, failures
from streamwatchd.testing.timeline_run import Bench, Happening, Ran, with_restarts, without_restarts

_encode = msgspec.json.Encoder(order="sorted").encode


def check(bench: Bench, case: Case, *, restart_everywhere: bool = False) -> list[Failure]:
    """What is not as the test says; empty when it passes."""
    ran = bench.run(case)
    found = failures(case, ran)
    if restart_everywhere:
        found += _changed(case, ran, bench.run(with_restarts(case)))
    elif any(act.verb is Verb.RESTART for act in case.acts):
        found += _changed(case, bench.run(without_restarts(case)), ran)
    return found


def _changed(case: Case, without: Ran, with_them: Ran) -> list[Failure]:
    """Outputs that only one of the two runs has."""
    lost = _only(without.happenings, with_them.happenings)
    made = _only(with_them.happenings, without.happenings)
    if not lost and not made:
        return []
    details = (*(f"lost by it: {each}" for each in lost), *(f"made by it: {each}" for each in made))
    return [Failure(case.span, "a restart changes what comes of the timeline", details[:10])]


def _only(mine: tuple[Happening, ...], theirs: tuple[Happening, ...]) -> list[str]:
    there = {_encode(each.document) for each in theirs}
    return [text.decode() for each in mine if (text := _encode(each.document)) not in there]
