"""What was expected against what came: every difference, told so that one sees which side to mend."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from streamwatchd.diagnostics import Span
from streamwatchd.testing.timeline import Case, Expectation, Kind
from streamwatchd.testing.timeline_run import Happening, Ran
from streamwatchd.testing.timeline_times import relative, shown

_NEAREST = 3
_LISTED = 5


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing that is not as the test says: where it says so, what is wrong, and what there is instead."""

    span: Span
    message: str
    details: tuple[str, ...] = ()


def failures(case: Case, ran: Ran) -> list[Failure]:
    """All failures of a case, in the order of its lines."""
    return list(_Comparison(case, ran).failures())


def differences(expectation: Expectation, happening: Happening, start_ms: int = 0) -> list[str]:
    """Where an output is not as expected: `at is 9m20s, not 9m`; empty where it fits."""
    found = []
    at_ms, by_ms = expectation.at_ms, expectation.by_ms
    if at_ms is not None and happening.at_ms != at_ms:
        found.append(f"at is {shown(happening.at_ms, start_ms)}, not {shown(at_ms, start_ms)}")
    if by_ms is not None and happening.at_ms > by_ms:
        found.append(f"at is {shown(happening.at_ms, start_ms)}, later than {shown(by_ms, start_ms)}")
    for name, wanted in expectation.fields.items():
        found.extend(_field_differences(name, wanted, happening.document.get(name), expectation, start_ms))
    return found


def is_notable(happening: Happening) -> bool:
    """Not a pending alarm, nor the end of one that never fired: what nobody is told."""
    document = happening.document
    return document.get("event") != "pending" and document.get("reason") != "not_held"


class _Comparison:
    def __init__(self, case: Case, ran: Ran) -> None:
        self._case, self._ran = case, ran
        self._matched = _matching(case.expect, ran.happenings)

    def failures(self) -> Iterator[Failure]:
        for number, expectation in enumerate(self._case.expect):
            if number not in self._matched:
                yield self._missing(expectation)
        for expectation in self._case.expect_no:
            came = [each for each in self._ran.happenings if _fits(expectation, each)]
            if came:
                yield Failure(expectation.span, f"came, and must not: {expectation.text}", self._listed(came))
        if self._case.exact:
            yield from self._unexpected()
        yield from self._strays()

    def _missing(self, expectation: Expectation) -> Failure:
        return Failure(expectation.span, f"did not come: {expectation.text}", tuple(self._nearest(expectation)))

    def _nearest(self, expectation: Expectation) -> Iterator[str]:
        candidates = [each for each in self._ran.happenings if (each.kind, each.name) == _subject(expectation)]
        start_ms = self._case.start_ms
        ranked = sorted(candidates, key=lambda each: _distance(expectation, each))
        taken = {index: number for number, index in self._matched.items()}
        least = _distance(expectation, ranked[0])[0] if ranked else 0
        for happening in ranked[:_NEAREST]:
            why = differences(expectation, happening, start_ms)
            if len(why) > least + 1:
                break
            other = taken.get(self._ran.happenings.index(happening))
            if not why and other is not None:
                why = [f"stands for the expectation of line {self._case.expect[other].span.line}"]
            elif not why:
                why = ["nobody is told of it; to expect it, name its `event`"]
            yield f"nearest: {self._told(happening)}   ({'; '.join(why)})"
        if not candidates:
            stopped = shown(self._ran.stopped_ms, start_ms)
            yield f"`{expectation.name}` gave nothing at all"
            yield f"the clock ran to {stopped}; windows that end later are still open (`until:` lets it run on)"

    def _unexpected(self) -> Iterator[Failure]:
        subjects = {_subject(expectation) for expectation in self._case.expect}
        used = set(self._matched.values())
        rest = [
            each
            for index, each in enumerate(self._ran.happenings)
            if index not in used and (each.kind, each.name) in subjects and is_notable(each)
        ]
        if rest:
            yield Failure(self._case.span, "came too, and the test is `exact: true`", self._listed(rest))

    def _strays(self) -> Iterator[Failure]:
        """Events of the timeline that were set apart though nobody said so, and late ones that were not late."""
        used = set(self._matched.values())
        late = set()
        for index, happening in enumerate(self._ran.happenings):
            event = happening.event
            if event is None:
                continue
            if happening.kind is Kind.LATE:
                late.add(id(event))
            if index in used or event.late:
                continue
            if happening.kind is Kind.DEAD_LETTER:
                reason = happening.document["reason"]
                yield Failure(event.span, f"an event of this row is a dead letter: {reason}", (_row(event.fields),))
            elif not event.skewed:
                hint = (
                    f"to mean that, expect it: `{{late: {happening.name}}}` under `expect:`, a row for each such event"
                )
                yield Failure(event.span, "an event of this row is late", (_row(event.fields), hint))
        for event in self._case.events:
            if event.late and id(event) not in late:
                yield Failure(event.span, "the event is not late: the watermark of its source was behind it")

    def _listed(self, happenings: Sequence[Happening]) -> tuple[str, ...]:
        more = [f"and {len(happenings) - _LISTED} more"] if len(happenings) > _LISTED else []
        return (*(self._told(each) for each in happenings[:_LISTED]), *more)

    def _told(self, happening: Happening) -> str:
        """An output on one line."""
        document = happening.document
        parts = [f"at {shown(happening.at_ms, self._case.start_ms)}", happening.name]
        parts += [str(document[name]) for name in ("event", "severity") if document.get(name) is not None]
        parts += [f"({document['reason']})"] if document.get("reason") not in (None, "cleared") else []
        for name in ("key", "values"):
            cells = document.get(name)
            if isinstance(cells, Mapping) and cells:
                parts.append(_row(cells))
        return " ".join(parts)


def _subject(expectation: Expectation) -> tuple[Kind, str]:
    return expectation.kind, expectation.name


def _fits(expectation: Expectation, happening: Happening) -> bool:
    if (happening.kind, happening.name) != _subject(expectation) or differences(expectation, happening):
        return False
    told = "event" in expectation.fields or "state" in expectation.fields or "reason" in expectation.fields
    return told or is_notable(happening)


def _matching(expectations: Sequence[Expectation], happenings: Sequence[Happening]) -> dict[int, int]:
    """Expectation → output, as many as can be had, each output once (augmenting paths, Kuhn 1955)."""
    options = [
        [index for index, happening in enumerate(happenings) if _fits(expectation, happening)]
        for expectation in expectations
    ]
    holder: dict[int, int] = {}

    def place(number: int, tried: set[int]) -> bool:
        for index in options[number]:
            if index not in tried:
                tried.add(index)
                if index not in holder or place(holder[index], tried):
                    holder[index] = number
                    return True
        return False

    for number in range(len(expectations)):
        place(number, set())
    return {number: index for index, number in holder.items()}


def _distance(expectation: Expectation, happening: Happening) -> tuple[int, int]:
    """How many things differ, and by how much time."""
    awaited = expectation.at_ms if expectation.at_ms is not None else expectation.by_ms
    return len(differences(expectation, happening)), abs(happening.at_ms - (awaited or 0))


def _field_differences(
    name: str, wanted: object, actual: object, expectation: Expectation, start_ms: int
) -> Iterator[str]:
    if name == "window" and isinstance(wanted, Mapping) and isinstance(actual, Mapping):
        for edge, at in wanted.items():
            if actual.get(edge) != at:
                yield f"window.{edge} is {_after(actual.get(edge), start_ms)}, not {_after(at, start_ms)}"
    elif isinstance(wanted, Mapping):
        cells = actual if isinstance(actual, Mapping) else {}
        for key, value in wanted.items():
            if key not in cells:
                yield f"{name}.{key} is not there"
            elif not _equal(cells[key], value, expectation.tolerance):
                yield f"{name}.{key} is {_cell(cells[key])}, not {_cell(value)}"
        if expectation.exact and set(cells) - set(wanted):
            yield f"{name} has {', '.join(sorted(set(cells) - set(wanted)))} too"
    elif name == "reason" and expectation.kind is Kind.DEAD_LETTER:
        if not str(actual).startswith(str(wanted)):
            yield f"reason is {actual}, not {wanted}"
    elif not _equal(actual, wanted, expectation.tolerance):
        yield f"{name} is {_cell(actual)}, not {_cell(wanted)}"


def _equal(actual: object, wanted: object, tolerance: float) -> bool:
    if isinstance(actual, bool) or isinstance(wanted, bool):
        return actual is wanted
    if isinstance(actual, int | float) and isinstance(wanted, int | float):
        return abs(actual - wanted) <= tolerance * max(abs(wanted), 1e-9) or actual == wanted
    if isinstance(actual, str) and isinstance(wanted, int | float):
        return actual == str(wanted)
    return actual == wanted


def _after(time: object, start_ms: int) -> str:
    """A time of a document as it is written in tests."""
    found = relative(str(time), start_ms)
    return str(time) if found is None else shown(found, start_ms)


def _row(cells: Mapping[str, object]) -> str:
    return "{" + ", ".join(f"{name}: {_cell(value)}" for name, value in cells.items()) + "}"


def _cell(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case float():
            return f"{value:.6g}"
        case _:
            return str(value)
