"""One test from start to verdict, restarts included: they must not change what comes of the timeline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import msgspec

from streamwatchd.testing.timeline import Act, Case, Verb
from streamwatchd.testing.timeline_match import Failure, failures
from streamwatchd.testing.timeline_run import Bench, Layout, Ran, with_restarts

_encode = msgspec.json.Encoder(order="sorted").encode


def check(
    bench: Bench,
    case: Case,
    *,
    restart_everywhere: bool = False,
    layouts: Sequence[Layout] = (),
    observe: Callable[[Case, Ran], None] | None = None,
) -> list[Failure]:
    """What is not as the test says; empty when it passes. `observe` is shown what came of the timeline as written.

    In each of the `layouts` the same must come of it.
    """
    ran = bench.run(case)
    if observe is not None:
        observe(case, ran)
    found = failures(case, ran)
    if restart_everywhere:
        found += _changed(case, "a restart", ran, bench.run(with_restarts(case)))
    elif any(_changes_nothing(act) for act in case.acts):
        plain = replace(case, acts=[act for act in case.acts if not _changes_nothing(act)])
        words = {"a restart" if act.verb is Verb.RESTART else "a reload" for act in case.acts if _changes_nothing(act)}
        found += _changed(case, " or ".join(sorted(words, reverse=True)), bench.run(plain), ran)
    for layout in layouts:
        found += _changed(
            case, str(layout), ran, bench.run(case, layout), _wherever if layout.partitions > 1 else _as_it_is
        )
    return found


def _changes_nothing(act: Act) -> bool:
    """A restart, or a reload of equal rules."""
    return act.verb is Verb.RESTART or (act.verb is Verb.RELOAD and not act.patch)


def _as_it_is(ran: Ran) -> list[bytes]:
    return [_encode(each.document) for each in ran.happenings]


def _wherever(ran: Ran) -> list[bytes]:
    """Without what tells in which partition an event lay, and where in it: the `id` of an alarm judged on single
    events comes of that too."""
    judged_at_once = {each.document.get("id") for each in ran.happenings if each.document.get("evidence")}
    found = []
    for each in ran.happenings:
        its_id = each.document.get("id")
        left_out = {"evidence", "partition", "offset", *(["id"] if its_id in judged_at_once else [])}
        document = {name: value for name, value in each.document.items() if name not in left_out}
        found.append(_encode([document, each.event.fields if each.event is not None else None]))
    return found


def _changed(
    case: Case, what: str, without: Ran, with_them: Ran, told: Callable[[Ran], list[bytes]] = _as_it_is
) -> list[Failure]:
    """Outputs that only one of the two runs has, `told` as lines."""
    before, after = told(without), told(with_them)
    lost, made = _only(before, after), _only(after, before)
    if not lost and not made:
        return []
    details = (*(f"lost by it: {each}" for each in lost), *(f"made by it: {each}" for each in made))
    return [Failure(case.span, f"{what} changes what comes of the timeline", details[:10])]


def _only(mine: list[bytes], theirs: list[bytes]) -> list[str]:
    """Each as often as it is missing there: what comes twice is not what comes once."""
    rest = Counter(mine)
    rest.subtract(Counter(theirs))
    return [text.decode() for text in rest.elements()]
