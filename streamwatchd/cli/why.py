"""Why an alarm is up, or is not: at an instant of a recording, for one key, told from what the engine said."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from streamwatchd.batch import Value, key_text
from streamwatchd.cli.picture import branch, heading, hold, section, shown
from streamwatchd.cli.rehearsal import Manner, rehearse
from streamwatchd.cli.score import score_lines
from streamwatchd.cli.written import Written, says_how_it_stands
from streamwatchd.compiler import Compiled, program_of
from streamwatchd.errors import UnreadableInput
from streamwatchd.operators.document import iso, name_of
from streamwatchd.plan.describe import describe
from streamwatchd.plan.xray import LevelParts, Part, XRay, xray
from streamwatchd.plan.xray_score import score_xray
from streamwatchd.rules.ruleset import Alarm, Anomaly, Kpi, Rule
from streamwatchd.shard.output import DOCUMENT_SINKS, Output, Sink
from streamwatchd.testing.timeline_times import absolute

_EVENTS = 5

Document = Mapping[str, object]


@dataclass(slots=True)
class Heard:
    """What came for one key up to `at_ms`: documents of the rule and its x-rays, and the last late event."""

    key: Mapping[str, Value]
    at_ms: int
    written: Written | None = None
    documents: dict[str, list[Document]] = field(default_factory=dict)
    late: int = 0
    last_late: Document | None = None

    def take(self, outputs: Iterable[Output]) -> None:
        for output in outputs:
            if output.sink is Sink.LATE:
                self._take_late(output)
            elif output.sink in DOCUMENT_SINKS and isinstance(output.value, dict):
                self._take(output.value)

    def _take(self, document: Document) -> None:
        name = name_of(document)
        key = document["key"]
        assert isinstance(key, Mapping)
        is_mine = not key or all(key.get(name) == value for name, value in self.key.items())
        if is_mine and _at(document) <= self.at_ms:
            self.documents.setdefault(name, []).append(document)

    def happened(self, rule: str) -> list[Document]:
        """What came of the rule, oldest first: of an alarm's life what was written, if anything, else what is judged
        here; nothing where it may have been up before."""
        judged = self.documents.get(rule, [])
        if self.written is None:
            return judged
        if self.assumes:
            return judged
        return sorted([*(each for each in judged if "state" not in each), *self.words()], key=_at)

    @property
    def assumes(self) -> bool:
        """Whether what is told was judged here, and not written by the daemon."""
        return self.written is not None and self.written.is_whole and not self.words()

    def words(self) -> list[Document]:
        """What was written up to then; none where that does not say how the alarm stands."""
        found = [] if self.written is None else [each for each in self.written.documents if _at(each) <= self.at_ms]
        return found if any(map(says_how_it_stands, found)) else []

    def _take_late(self, output: Output) -> None:
        try:
            event = json.loads(output.value) if isinstance(output.value, bytes) else {}
        except ValueError:
            return
        if isinstance(event, dict) and all(event.get(name, value) == value for name, value in self.key.items()):
            self.late += 1
            self.last_late = dict(output.headers)


def _at(document: Document) -> int:
    window = document.get("window")
    text = document.get("at") or (window.get("end") if isinstance(window, Mapping) else "")
    found = absolute(str(text))
    return found if found is not None else 0


def judged_at(rule: Rule, at_ms: int) -> int:
    """The last instant at or before `at_ms` at which the rule is judged."""
    if isinstance(rule, Kpi) and rule.days is not None:
        return rule.days.last_to(at_ms)
    return at_ms if not rule.every_ms else at_ms // rule.every_ms * rule.every_ms


def why(
    recording: str,
    compiled: Compiled,
    rule: Rule,
    key: Mapping[str, Value],
    at_ms: int,
    manner: Manner,
    written: Written | None = None,
) -> Iterator[str]:
    """Play the recording with the rule's x-rays. Raises UnreadableInput where it does not hold the key.

    Where it begins in the middle, `written` says how the alarm stood and what happened to it.
    """
    at_ms = judged_at(rule, at_ms)
    heard = Heard(key, at_ms, written)
    rules, ray, scored = compiled.loaded.ruleset, None, ""
    if isinstance(rule, Alarm) and rule.sequence is None:
        ray = xray(rules, rule, dict(key), at_ms)
        rules = ray.rules
    elif isinstance(rule, Anomaly):
        rules, scored = score_xray(rules, rule)
    program = program_of(rules)
    rehearse(recording, compiled, program, manner, heard.take)
    yield from _told(rule, ray, scored, heard)


def _told(rule: Rule, ray: XRay | None, scored: str, heard: Heard) -> Iterator[str]:
    key = ", ".join(f"{name}={key_text(value)}" for name, value in heard.key.items())
    happened = heard.happened(rule.name)
    beside = {each.get("id") for each in happened if each.get("event") == "flapping"}
    mine = [each for each in happened if "id" not in each or each["id"] not in beside]
    snapshot = heard.documents.get(ray.snapshot, []) if ray is not None else []
    rows = [each for each in heard.documents.get(scored, []) if "anomaly" in each]
    if not snapshot and not happened and not rows:
        raise UnreadableInput(_nothing(rule, key, heard))
    yield heading(type(rule).__name__.lower(), rule.name, key, heard.at_ms)
    if ray is not None:
        sure_ms = _sure_from(rule, heard.documents.get(ray.known, []), heard.written)
        yield from section("state", list(_stands(mine, heard, sure_ms)))
        values = snapshot[-1]["values"] if snapshot else {}
        assert isinstance(values, Mapping)
        if isinstance(rule, Alarm) and rule.windowless and snapshot:
            yield from section("event", [_last_event(snapshot[-1], len(snapshot))])
        for level in ray.levels if snapshot else ():
            yield from _level(level, values, heard, sure_ms)
        if not snapshot:
            yield from section("values", ["none: no record of this key is among those that were read"])
    if scored:
        yield from section("state", list(_stands([each for each in mine if "state" in each], heard)))
        none = ["nothing was scored: no version of the model is in force, or no row came"]
        yield from section("score", list(score_lines(rows[-1])) if rows else none)
    yield from section("late", list(_late(heard)))
    yield from section("pause", _pause(rule))
    own = [each for each in mine if each.get("event") != "storm"]
    yield from section("unless", list(_muting(rule, own)))
    yield from section("table", list(_context(own)))
    assumed = [f"{_silent(heard)}; judged here:"] if heard.assumes and happened else []
    yield from section("happened", [*assumed, *map(_event, happened[-_EVENTS:])] or [_silent(heard)])


def _nothing(rule: Rule, key: str, heard: Heard) -> str:
    text = f"up to {iso(heard.at_ms)} nothing came of {key or 'any key'} for `{rule.name}`"
    if heard.written is None:
        return text
    has = "has nothing of it" if heard.written.is_whole else "has nothing of it any more, if it had"
    return f"from {iso(heard.written.from_ms)} {text}; {heard.written.topic} {has}"


def _silent(heard: Heard) -> str:
    if heard.written is None:
        return "nothing was written for this key"
    return f"{heard.written.topic} has nothing of this key up to then"


def _stands(mine: list[Document], heard: Heard, sure_ms: int = -1) -> Iterator[str]:
    """How the alarm stands, and where that is known from."""
    written = heard.written
    if written is not None and not written.is_whole and not heard.words():
        yield f"not known: {written.topic} has nothing of it up to then, and not all that was written to it"
        yield f"what began before {iso(written.from_ms)} is not seen"
        return
    if written is None or heard.words():
        yield _state(mine)
        yield from [] if written is None else [f"by its last event in {written.topic} up to then"]
        return
    yield f"taken to be at rest at {iso(written.from_ms)}: {_silent(heard)}"
    yield f"so judged from there on: {_state(mine, sure_ms)}"


def _state(mine: list[Document], sure_ms: int = -1) -> str:
    """What began up to `sure_ms` may have begun earlier, and its id says when."""
    last = next((each for each in reversed(mine) if says_how_it_stands(each)), None)
    if last is None or last["state"] == "resolved":
        return "at rest" if last is None else f"at rest: resolved at {last['at']} ({last['reason']})"
    since = f"{last['state']} as {last['severity']} since {last['starts_at']}"
    if (absolute(str(last["starts_at"])) or 0) <= sure_ms:
        return f"{since} or before: its id is not known"
    return f"{since}, id {last['id']}"


def _sure_from(rule: Rule, known: list[Document], written: Written | None) -> int:
    """Up to when a replay from the middle on can't tell: until the key was judged here, with full windows."""
    if written is None or not known:
        return -1
    first_ms = _at(known[0])
    if isinstance(rule, Alarm) and not rule.windowless:
        first_ms += written.settling_ms
    return max(first_ms, written.from_ms + written.settling_ms)


def _level(each: LevelParts, values: Document, heard: Heard, sure_ms: int) -> Iterator[str]:
    """What is true here from `sure_ms` on or earlier may have been true before."""
    severity = each.level.severity
    yield from section(severity, list(_tree(each.when, values)))
    yield from section("", list(_timer("for", each.level.for_ms, each.while_when, heard, sure_ms)))
    if each.until:
        yield from section("  until", list(_tree(each.until, values)))
        yield from section("", list(_timer("until … for", each.level.until_for_ms, each.while_until, heard, sure_ms)))


def _tree(parts: Iterable[Part], values: Document) -> Iterator[str]:
    for part in parts:
        yield branch(part.depth, part.text, shown(values.get(part.value), part.type.unit))


def _timer(word: str, hold_ms: int, name: str, heard: Heard, sure_ms: int) -> Iterator[str]:
    """Since when the condition is true, and what is left of its hold."""
    last = heard.documents.get(name, [])
    if not last or last[-1]["state"] == "resolved":
        return
    since = absolute(str(last[-1]["starts_at"]))
    assert since is not None
    yield hold(word, since, hold_ms, heard.at_ms, since <= sure_ms)


def _last_event(snapshot: Document, count: int) -> str:
    evidence = snapshot.get("evidence")
    place = ""
    if isinstance(evidence, Mapping):
        place = f", {evidence['topic']}:{evidence['partition']}:{evidence['offset']}"
    return f"the last of {count:,} that the rule judged: {snapshot['at']}{place}"


def _late(heard: Heard) -> Iterator[str]:
    if heard.last_late is not None:
        late = heard.last_late
        place = f"{late['topic']}:{late['partition']}:{late['offset']}"
        yield f"{heard.late:,} in the recording, the last at {place} says {late.get('time')}: it entered no window"


def _pause(rule: Rule) -> list[str]:
    """When it is not judged."""
    if isinstance(rule, Kpi) or rule.pause is None:
        return []
    return [f"not judged while {describe(rule.pause)}"]


def _muting(rule: Rule, mine: list[Document]) -> Iterator[str]:
    """What mutes the alarm, and whether its last event was muted."""
    if not isinstance(rule, Kpi) and rule.unless is not None:
        yield describe(rule.unless)
    if mine and mine[-1].get("muted_by"):
        yield f"muted by {mine[-1]['muted_by']} at its last event, {mine[-1]['at']}"


def _context(mine: list[Document]) -> Iterator[str]:
    context = mine[-1].get("context") if mine else None
    if isinstance(context, Mapping) and context:
        yield ", ".join(f"{name}={value}" for name, value in context.items()) + f", as of {mine[-1].get('at')}"


def _event(document: Document) -> str:
    if "event" not in document:
        return json.dumps(document, ensure_ascii=False)
    reason = f" ({document['reason']})" if document.get("reason") else ""
    values = json.dumps(document["values"], ensure_ascii=False) if document.get("values") else ""
    return f"{document['at']} {document['event']} {document['severity']}{reason} {values}".rstrip()
