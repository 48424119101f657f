"""What a rule makes of one key now, read off a running shard; and which alarms are up. Nothing is changed.

Answers are JSON-like: times in ms, texts as people write them. `cli.picture` shows them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np

from streamwatchd.batch import Frame, key_text, to_values
from streamwatchd.lang.typed import NUMBER, Expr, TableColumn, walk
from streamwatchd.operators.dimension import Dimensions
from streamwatchd.operators.document import Details, plain
from streamwatchd.operators.evaluate import Param
from streamwatchd.operators.flapping import FLAPPING
from streamwatchd.operators.judging import fill_values, key_frame
from streamwatchd.operators.keyspace import KeySpace, KeyTuple
from streamwatchd.operators.known import UNKNOWN
from streamwatchd.operators.kpi import KpiNode
from streamwatchd.operators.lifecycle import SEVERITIES, Holds, Standing
from streamwatchd.operators.notices import Notices
from streamwatchd.operators.recent_rows import MOST
from streamwatchd.operators.row_alarm import RowAlarmNode
from streamwatchd.operators.score import ScoreNode
from streamwatchd.operators.sequence import SequenceNode
from streamwatchd.operators.spec import KeyColumn, RowAlarmSpec, Window, WindowAlarmSpec
from streamwatchd.operators.window_alarm import WindowAlarmNode
from streamwatchd.plan.describe import describe
from streamwatchd.shard.shard import Shard
from streamwatchd.shard.spelling import Answer, level_tree, value_tree
from streamwatchd.shard.task import NEVER, SourceTask

Key = Mapping[str, str]
"""Names → values, in the spelling of tables."""

_EXAMPLES = 5
_SEARCHED = 100_000
_OF_LAST = "judged on each event; the values are those of the last one"
_NOT_RECENT = (
    f"judged on each event; none of this key is among the last that this process judged (up to {MOST:,}), so no values"
)
_OCCURRENCE = "each event that is true is an alarm of its own, with no end: nothing is kept of it"


def insight(shard: Shard, rule: str, key: Key) -> list[Answer]:
    """One answer a task that has the key; else one with the keys that such a task does have (`examples`)."""
    found, others = [], []
    for task in shard.tasks.values():
        for node in task.flow.nodes.values():
            member = _member(node, rule)
            if member is None:
                continue
            answer = _answer(node, member, key)
            if "examples" in answer:
                others.append(answer)
                continue
            if isinstance(node, RowAlarmNode):
                answer |= _scored(task.flow.nodes.values(), node, member, rule, key)
            place = {"stage": task.id.stage, "topic": task.id.topic, "partition": task.id.partition}
            now = {"task": place, "watermark_ms": task.watermark if task.watermark > NEVER else None}
            found.append(answer | now | {"tables": _tables(node, task.dimensions, task.watermark)})
    return found or others


def late_of(shard: Shard, names: Sequence[str], key: Key) -> Answer | None:
    """The last late event of a key, and how many came since the process began (of those that it remembers)."""
    count, last = 0, None
    for task in shard.tasks.values():
        if not isinstance(task, SourceTask):
            continue
        for frame, offsets in task.recent_late:
            if any(name not in frame.columns for name in names):
                continue
            columns = [to_values(frame.columns[name]) for name in names]
            for row, values in enumerate(zip(*columns, strict=True) if columns else [()] * len(frame)):
                if all(key_text(value) == key[name] for name, value in zip(names, values, strict=True)):
                    count += 1
                    place = [task.id.topic, task.id.partition, int(offsets[row])]
                    last = {"time_ms": int(frame.time[row]), "place": place}
    return None if last is None else {"events": count, **last}


def up(shard: Shard, most: int) -> tuple[list[Answer], int]:
    """Alarms that are not at rest, `most` of them, and how many there are."""
    found: list[Answer] = []
    total = 0
    for task in shard.tasks.values():
        for node in task.flow.nodes.values():
            if isinstance(node, WindowAlarmNode | RowAlarmNode):
                each = list(_up(node))
                total += len(each)
                found += each[: max(0, most - len(found))]
    return found, total


def _up(node: WindowAlarmNode | RowAlarmNode) -> Iterator[Answer]:
    """Alarms, and the alerts of keys that flap, also where the alarm is down at the moment."""
    for (number, key), alert in node.notices.flaps.alerts():
        stands = Standing("firing", alert.severity, alert.starts_at_ms, False, (), ())
        yield _row(node, number, key, stands, alert.id) | {"muted_by": alert.muted_by, "event": FLAPPING}
    if isinstance(node, SequenceNode):
        for number, track in node.tracks.items():
            if track.up is not None:
                place = node.alarms.places.get((0, number))
                yield _row(node, 0, node.space.keys[number], *_of_track(node, track.up), place)
        return
    for place in node.life.active().tolist():
        standing_ = node.life.standing(place)
        if standing_ is None or standing_.state == "resolved":
            continue
        number, key = node.alarms.whose(place) if isinstance(node, RowAlarmNode) else node._whose(place)
        yield _row(node, number, key, standing_, node.ids.get(place, ""), place)


def _of_track(node: SequenceNode, up: Sequence[Any]) -> tuple[Standing, str]:
    """How a sequence that is up stands, and its id."""
    identity, starts_at_ms, *_ = up
    return Standing("firing", node.life.levels[0].severity, starts_at_ms, False, (True,), (None,)), str(identity)


def _row(node: Any, number: int, key: KeyTuple, standing: Standing, identity: str, place: int | None = None) -> Answer:
    names = [each.name for each in node.spec.shape.keys]
    member = node.spec.members[number]
    return {
        "rule": member.name,
        "key": dict(zip(names, map(plain, key), strict=True)),
        "state": standing.state,
        "severity": _severity(standing),
        "starts_at_ms": standing.starts_at_ms,
        "id": identity,
        "muted_by": "" if place is None else _muted_by(node, place),
        "acknowledged": place in _notices(node).reminders.acked,
        "labels": dict(member.labels),
    }


def _severity(standing: Standing) -> str:
    return SEVERITIES[standing.severity] if standing.severity >= 0 else ""


def _notices(node: WindowAlarmNode | RowAlarmNode) -> Notices:
    return node.notices if isinstance(node, WindowAlarmNode) else node.notices.told


def _muted_by(node: WindowAlarmNode | RowAlarmNode, place: int) -> str:
    muting = _notices(node).muting
    return "" if muting is None else muting.hidden.get(place, "")


# one rule


def _member(node: object, rule: str) -> int | None:
    if not isinstance(node, WindowAlarmNode | RowAlarmNode | KpiNode):
        return None
    names = [member.name for member in node.spec.members]
    return names.index(rule) if rule in names else None


def _answer(node: object, number: int, key: Key) -> Answer:
    match node:
        case SequenceNode():
            return _sequence(node, key) | _pause(node.spec)
        case RowAlarmNode():
            return _of_rows(node, number, key) | _pause(node.spec)
        case WindowAlarmNode():
            return _of_windows(node, number, key) | _pause(node.spec)
        case KpiNode():
            return _of_kpi(node, number, key)
    raise TypeError(node)


def _pause(spec: WindowAlarmSpec | RowAlarmSpec) -> Answer:
    """When it is not judged."""
    return {} if spec.pause is None else {"pause": describe(spec.pause.expr)}


def _find(space: KeySpace, keys: Sequence[KeyColumn], constants: Sequence[str], key: Key) -> int | None:
    try:
        values = [_value(key[each.name], each.kind) for each in keys]
    except ValueError:
        return None
    return space.find((*constants, *values))


def _value(text: str, kind: str) -> float | str | bool:
    if kind == "bool":
        return {"true": True, "false": False}[text.lower()] if text.lower() in ("true", "false") else _no(text)
    return float(text) if kind == "number" else text


def _no(text: str) -> bool:
    raise ValueError(text)


def _unknown(space: KeySpace, keys: Sequence[KeyColumn], lifted: int, key: Key) -> Answer:
    """How many keys there are, and some of them: those that hold what was asked for, for whoever has misspelt one."""
    names = [each.name for each in keys]
    texts = [text.lower() for text in key.values()]
    first: list[Key] = []
    alike: list[Key] = []
    for _, each in islice(space.living_keys(), _SEARCHED):
        values = [key_text(value) or "" for value in each[lifted:]]
        if len(first) < _EXAMPLES:
            first.append(dict(zip(names, values, strict=True)))
        if any(text in value.lower() for text, value in zip(texts, values, strict=False)):
            alike.append(dict(zip(names, values, strict=True)))
            if len(alike) == _EXAMPLES:
                break
    return {"keys": space.living, "examples": alike or first, "alike": bool(alike)}


def _of_windows(node: WindowAlarmNode, number: int, key: Key) -> Answer:
    spec, space = node.spec, node.family.space
    keys, member = spec.shape.keys, spec.members[number]
    found = _find(space, keys, member.constants, key)
    if found is None:
        return _unknown(space, keys, spec.lifted, key)
    pairs = np.flatnonzero((node.pairs.key == found) & (node.pairs.member == number))
    since = _since(node, found)
    common: Answer = {
        "kind": "alarm",
        "every_ms": spec.every_ms,
        "judged_at_ms": node.done_ms,
        "known_since_ms": since,
        "unless": "" if spec.mute is None else describe(spec.mute.unless),
    }
    if not len(pairs) or node.done_ms is None:
        return common | {"standing": None, "levels": [], "note": "no instant has been judged since the key came"}
    place, at_ms = int(pairs[0]), node.done_ms
    frame = _frame(node, found, number, place)
    standing = node.life.standing(place)
    common |= {"standing": _standing(standing, node.ids.get(place, "")), **_flapping(node, number, found)}
    if frame is None:
        return common | {"levels": [], "note": "the key has not been judged yet"}
    muting = node.notices.muting
    muted = "" if muting is None else muting.labels(frame, at_ms, [member.name])[0]
    details = Details(node.evaluator, frame, [0])
    return common | {
        "levels": [
            _window_level(node, n, frame, standing, since, member.params) for n in range(len(spec.shape.levels))
        ],
        "muted_by": muted,
        "told": muting is None or muting.notifies(place),
        "acknowledged": place in node.notices.reminders.acked,
        "context": details.context(spec.shape.context, 0),
        "silent": bool(node.life.is_silent(np.array([place], np.intp))[0]),
    }


def _since(node: WindowAlarmNode, key: int) -> int | None:
    since = node.known.since if node.expected is None else node.expected.since
    return int(since[key]) if key < len(since) and since[key] != UNKNOWN else None


def _frame(node: WindowAlarmNode, key: int, number: int, place: int) -> Frame | None:
    """What the pair was judged by last."""
    assert node.done_ms is not None
    spec, at_ms = node.spec, node.done_ms
    frame = key_frame(node.family.space, spec.shape.keys, spec.lifted, np.array([key], np.intp), at_ms)
    if not node.reader.peek(frame, at_ms, key):
        return None
    for n, param in enumerate(spec.members[number].params):
        node.evaluator.put(frame, Param(n, NUMBER), np.array([param], np.float64))
    if node.baselines is not None:
        node.baselines.peek(frame, place)
    fill_values(frame, spec.shape.values, node.evaluator)
    return frame


def _window_level(
    node: WindowAlarmNode, number: int, frame: Frame, standing: Standing | None, since: int | None, params: Any
) -> Answer:
    level, shape = node.spec.shape.levels[number], node.spec.shape
    raise_windows, clear_windows = node.spec.warming[number]
    answer = level_tree(level, shape, node.evaluator, params, frame)
    answer["warming_until_ms"] = _warm_at(node, raise_windows, since)
    if level.until is not None:
        answer["until_warming_until_ms"] = _warm_at(node, clear_windows, since)
    return answer | _timer(standing, number, node.life.levels[number])


def _warm_at(node: WindowAlarmNode, windows: Sequence[Window], since: int | None) -> int | None:
    """The first T after the last one whose condition is not null because too little has been seen; None: no such T is
    waited for."""
    spec, reader = node.spec, node.reader
    if spec.partial or not windows or since is None or node.done_ms is None:
        return None
    whole = max((from_ms for from_ms, r in zip(reader.whole_from, reader.readings, strict=True) if r.window in windows),
                default=NEVER)  # fmt: skip
    soonest = max(_full_at(window, max(since, whole)) for window in windows)
    if spec.min_history_ms is not None:
        soonest = min(soonest, max(since, whole) + spec.min_history_ms)
    at_ms = -(-soonest // spec.every_ms) * spec.every_ms
    return at_ms if at_ms > node.done_ms else None


def _full_at(window: Window, since_ms: int) -> int:
    """The first T at which a window begins at or after an instant."""
    return -(-(since_ms + window.size_ms) // window.step_ms) * window.step_ms + window.ago_ms


def _of_rows(node: RowAlarmNode, number: int, key: Key) -> Answer:
    spec = node.spec
    params = spec.members[number].params
    if spec.occurrence:
        frame = _last_row(node, number, {})
        levels = [
            level_tree(level, spec.shape, node.evaluator, params, frame) | _timer(None) for level in spec.shape.levels
        ]
        last = None if frame is None else int(frame.time[0])
        return {"kind": "alarm", "standing": None, "levels": levels, "last_event_ms": last, "note": _OCCURRENCE}
    found = _find(node.space, spec.shape.keys, (), key)
    if found is None:
        return _unknown(node.space, spec.shape.keys, 0, key)
    place = _place(node, number, key)
    standing = None if place is None else node.life.standing(place)
    last = None if place is None or place >= len(node.last) or node.last[place] <= NEVER else int(node.last[place])
    frame = _last_row(node, number, key)
    levels = [
        level_tree(level, spec.shape, node.evaluator, params, frame) | _timer(standing, n, node.life.levels[n])
        for n, level in enumerate(spec.shape.levels)
    ]
    return {
        "kind": "alarm",
        **_flapping(node, number, found),
        "standing": _standing(standing, "" if place is None else node.ids.get(place, "")),
        "levels": levels,
        "last_event_ms": last if frame is None else int(frame.time[0]),
        "waiting_rows": sum(map(len, node.waiting)),
        "note": _OF_LAST if frame is not None else _NOT_RECENT,
        **_notified(node, place),
    }


def _last_row(node: RowAlarmNode, number: int, key: Key) -> Frame | None:
    """The last event of a key that the rule judged, with its values, where this process still has it."""
    keys = {each.name: each for each in node.spec.shape.keys}
    named = {name: key[name] for name in keys if name in key}
    frame = node.recent.last(
        number, named, lambda rows: [node.evaluator.column(keys[name].expr, rows) for name in named]
    )
    if frame is not None:
        node.alarms.put_params(frame, np.array([number]))
        fill_values(frame, node.spec.shape.values, node.evaluator)
    return frame


def _notified(node: RowAlarmNode, place: int | None) -> Answer:
    """Who mutes what is up, as far as was asked; whether somebody was told, or has acknowledged it."""
    notices = node.notices.told
    if place is None or not node.notices.is_on:
        return {}
    return {
        "muted_by": _muted_by(node, place),
        "told": notices.muting is None or notices.muting.notifies(place),
        "acknowledged": place in notices.reminders.acked,
    }


def _flapping(node: WindowAlarmNode | RowAlarmNode, number: int, key: int) -> Answer:
    """Since when the key flaps, how often it has changed, and when that is over if it keeps still."""
    space, lifted = (node.family.space, node.spec.lifted) if isinstance(node, WindowAlarmNode) else (node.space, 0)
    found = node.notices.flaps.standing((number, space.keys[key][lifted:]))
    if found is None:
        return {}
    alert, over_ms = found
    return {"flapping": {"since_ms": alert.starts_at_ms, "changes": alert.changes, "over_ms": over_ms}}


def _place(node: RowAlarmNode, number: int, key: Key) -> int | None:
    found = _find(node.space, node.spec.shape.keys, (), key)
    return None if found is None else node.places.get((number, found))


def _scored(nodes: Iterable[object], alarm: RowAlarmNode, number: int, rule: str, key: Key) -> Answer:
    """What the model made of the key's last row, and the levels with its values; nothing where no model scores."""
    node = next((each for each in nodes if isinstance(each, ScoreNode) and each.spec.name == rule), None)
    if node is None:
        return {}
    said = node.said_of([_value(key[each.name], each.kind) for each in node.spec.keys])
    if said is None:
        return {
            "kind": "anomaly",
            "score": None,
            "note": "no row of the key in the last instants, or none since the start",
        }
    params, shape = alarm.spec.members[number].params, alarm.spec.shape
    standing = None if (place := _place(alarm, number, key)) is None else alarm.life.standing(place)
    return {
        "kind": "anomaly",
        "note": "" if said.document is not None else "no version of the model is in force",
        "score": said.document,
        "levels": [
            level_tree(level, shape, alarm.evaluator, params, said.row) | _timer(standing, n, alarm.life.levels[n])
            for n, level in enumerate(shape.levels)
        ],
    }


def _sequence(node: SequenceNode, key: Key) -> Answer:
    spec = node.spec
    found = _find(node.space, spec.shape.keys, (), key)
    if found is None:
        return _unknown(node.space, spec.shape.keys, 0, key)
    track, sequence = node.tracks.get(found), node.sequence
    events = [] if track is None else track.events
    steps = [
        {"text": describe(step), "met_ms": [at for at, met in events if met >> n & 1][-3:]}
        for n, step in enumerate(sequence.steps)
    ]
    waits = [] if track is None else [match.at_ms for match in track.waiting if not node.is_paused(match.at_ms)]
    return {
        "kind": "alarm",
        **_flapping(node, 0, found),
        "standing": None if track is None or track.up is None else _standing(*_of_track(node, track.up)),
        "levels": [],
        "steps": steps,
        "within_ms": sequence.within_ms,
        "never": None if sequence.never is None else {"text": describe(sequence.never), "fires_at_ms": waits},
        "until": None if sequence.until is None else describe(sequence.until),
    }


def _of_kpi(node: KpiNode, number: int, key: Key) -> Answer:
    spec = node.spec
    found = _find(node.family.space, spec.keys, spec.members[number].constants, key)
    if found is None:
        return _unknown(node.family.space, spec.keys, spec.lifted, key)
    every_ms = spec.every_ms if spec.days is None else spec.window.step_ms
    common: Answer = {"kind": "kpi", "every_ms": every_ms, "judged_at_ms": node.done_ms, "standing": None}
    if node.done_ms is None:
        return common | {"levels": [], "note": "no window has ended yet"}
    evaluator = node.rows.evaluator
    frame = key_frame(node.family.space, spec.keys, spec.lifted, np.array([found], np.intp), node.done_ms)
    if not node.reader.peek(frame, node.done_ms, found):
        return common | {"levels": [], "note": "the key had no window that has ended yet"}
    fill_values(frame, spec.values, evaluator)
    named: dict[str, Expr] = {}
    parts = [line for value in spec.values for line in value_tree(value.name, value.expr, named, frame, evaluator)]
    return common | {
        "levels": [],
        "window": [spec.window.start(node.done_ms), spec.window.end(node.done_ms)],
        "values": parts,
        "context": Details(evaluator, frame, [0]).context(spec.context, 0),
    }


def _timer(standing: Standing | None, number: int = 0, level: Holds | None = None) -> Answer:
    """Whether the level is up, and since when its wish to change holds."""
    if standing is None or level is None:
        return {"up": False, "hold": None}
    is_up, since = standing.up[number], standing.hold_ms[number]
    need = level.until_for_ms if is_up else level.for_ms
    hold = None if since is None else {"since_ms": since, "need_ms": need, "clears": is_up}
    return {"up": is_up, "hold": hold}


def _standing(standing: Standing | None, identity: str) -> Answer | None:
    if standing is None or standing.state == "resolved":
        return None
    return {
        "state": standing.state,
        "severity": _severity(standing),
        "starts_at_ms": standing.starts_at_ms,
        "id": identity,
        "no_data": standing.no_data,
    }


# tables


def _tables(node: object, dimensions: Dimensions, watermark_ms: int) -> list[Answer]:
    """The versions in force at the watermark of the tables that the node reads itself."""
    shape = getattr(node.spec, "shape", None)  # type: ignore[attr-defined]
    exprs = [expr for _, expr in (shape.context if shape is not None else node.spec.context)]  # type: ignore[attr-defined]
    if shape is not None:
        exprs += [each for level in shape.levels for each in (level.when, level.until) if each is not None]
        exprs += [value.expr for value in shape.values]
    names = {each.table for expr in exprs for each in walk(expr) if isinstance(each, TableColumn)}
    expected = getattr(node, "expected", None)
    names |= set(expected.tables) if expected is not None else set()
    found = []
    for name in sorted(names & dimensions.versions.keys()):
        table, started = dimensions.at(name, watermark_ms), dimensions.started(name, watermark_ms)
        begun = started if started > NEVER else None
        found.append({"table": name, "rows": len(table.rows), "digest": table.digest[:12], "since_ms": begun})
    return found
