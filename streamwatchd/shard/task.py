"""Tasks: the unit of state. A source task owns a source partition, a merge task an exchange partition. Pure."""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from streamwatchd import functions
from streamwatchd.batch import TRUE, Frame, RawBatch, Refused, Strings, Times, key_text, to_values
from streamwatchd.codecs.base import EventSchema
from streamwatchd.codecs.formats import open_decoder
from streamwatchd.enrichment.table import TableData
from streamwatchd.errors import SnapshotCorrupt
from streamwatchd.lang.typed import Kind
from streamwatchd.operators.asking import GRACE_MS
from streamwatchd.operators.dimension import Dimensions
from streamwatchd.operators.document import Origin, iso, name_of
from streamwatchd.operators.flow import Flow
from streamwatchd.operators.gap import Filling
from streamwatchd.operators.keyspace import key_hash
from streamwatchd.operators.lateness import late_readers
from streamwatchd.operators.release import STEP_MS
from streamwatchd.operators.sending import Outbox
from streamwatchd.operators.stage_spec import LogicalPlan, SourceSpec, StageSpec
from streamwatchd.operators.storm import WHERE, told_apart
from streamwatchd.ports.laps import DECODE
from streamwatchd.shard.exchange import (
    BeginningItem,
    Item,
    LateItem,
    PaneItem,
    PromiseItem,
    RowsItem,
    Sender,
    frame_of,
    keys_in,
    partial_of,
    read_record,
)
from streamwatchd.shard.output import ExchangeRecord, Headers, Letters, Output, Sink, TaskId
from streamwatchd.shard.timing import sample

NEVER = -(2**62)
"""A watermark before all time."""

_MOST_LATE = 2_000
"""Late rows that a task remembers for whoever asks about a key."""
_KEYS_A_ROW = 4
"""So many keys of one space a row can have, at most: rules may take one from different fields."""

Picture = Any
"""The state of a task at one instant: a tree for `packing` of which nothing is changed any more."""


@contextmanager
def distrusting(task: TaskId) -> Iterator[None]:
    """Whatever a state of an unknown form does to us, it is the state's fault and not ours."""
    try:
        yield
    except Exception as error:
        raise SnapshotCorrupt(f"state of {task}: {type(error).__name__}: {error}") from error


def _counts(counts: Mapping[str, int]) -> Counter[str]:
    if not all(isinstance(count, int) for count in counts.values()):
        raise ValueError("counts are whole numbers")
    return Counter(counts)


def _check_times(*times_ms: object) -> None:
    if not all(isinstance(ms, int) and abs(ms) <= 2**62 for ms in times_ms):
        raise ValueError("times are whole milliseconds")


def _documents(outbox: Outbox, task: TaskId) -> list[Output]:
    for document in (*outbox.alerts, *outbox.shadows):
        if document.get("evidence") is WHERE:
            _name_task(document, task)
    alerts = [Output(Sink.ALERTS, _alert_key(document), document) for document in outbox.alerts]
    kpis = [Output(Sink.KPIS, _kpi_key(document), document) for document in outbox.kpis]
    anomalies = [Output(Sink.ANOMALIES, _anomaly_key(document), document) for document in outbox.anomalies]
    shadows = [Output(Sink.SHADOW, _shadow_key(document), document) for document in outbox.shadows]
    outbox.alerts, outbox.kpis, outbox.anomalies, outbox.shadows = [], [], [], []
    return alerts + kpis + anomalies + shadows


def _name_task(document: dict[str, Any], task: TaskId) -> None:
    """Each task has storms of its own, of a rule too: they are told apart."""
    topic = task.topic or f"exchange.{task.stage}"
    document["id"] = told_apart(document["id"], topic, task.partition)
    document["evidence"] = {"topic": topic, "partition": task.partition}
    document["message"] = f"{document['message']} (of {topic}[{task.partition}] alone)"


def _alert_key(document: Mapping[str, object]) -> bytes:
    return msgspec.json.encode([document["rule"], document["key"]])


def _kpi_key(document: Mapping[str, object]) -> bytes:
    return msgspec.json.encode([document["kpi"], document["key"]])


def _anomaly_key(document: Mapping[str, object]) -> bytes:
    return msgspec.json.encode([document["anomaly"], document["key"]])


def _put_in_force(dimensions: Dimensions, at_ms: int, tables: Mapping[str, TableData], plan: LogicalPlan) -> None:
    """Tables, and what else a plan has by versions, from E on."""
    dimensions.switch(at_ms, tables, plan.defaults, plan.models, plan.silences, plan.acks)


def _shadow_key(document: Mapping[str, object]) -> bytes:
    return msgspec.json.encode([name_of(document), document["key"]])


class SourceTask:
    """One partition of a source: decodes, finds what is late, prepares rows and runs them through the flow."""

    def __init__(
        self, task: TaskId, source: SourceSpec, stage: StageSpec, dimensions: Dimensions, exchange_partitions: int
    ) -> None:
        self.id, self.source = task, source
        self.names: tuple[str, ...] = (source.name,)
        self.has_ended = False
        self.dimensions = dimensions
        self.decoder = open_decoder(source.format, _schema(source))
        self.flow = Flow(stage, dimensions, functions.evaluators())
        self.sender = Sender(task, self.flow, exchange_partitions)
        self.max_time = NEVER
        self.watermark = NEVER
        self.counts: Counter[str] = Counter()
        self.readers: Mapping[str, str] = {}
        """Ids of nodes and families → the rule that reads them (`work.readers`)."""
        self.late_by_rule: Counter[str] = Counter()
        """Of this process: not part of the state."""
        self.recent_late: deque[tuple[Frame, npt.NDArray[np.int64]]] = deque()
        """The last late rows that rules would have read, with their offsets; of this process as well."""
        self._sampled: dict[str | None, bool] = {}
        self.times: list[int] = []
        """Event times of a few rows of each batch, for whoever measures latencies."""
        self._letters: list[Letters] = []

    def switch(
        self,
        at_ms: int,
        source: SourceSpec,
        stage: StageSpec,
        tables: Mapping[str, TableData],
        plan: LogicalPlan,
        living: frozenset[str],
        filling: Filling | None = None,
        *,
        placed_anew: bool = False,
    ) -> None:
        """New rules and tables from E on; records are decoded for old and new readers from here on.

        The source may have another name: rows go by both, so that what reads the old one comes to its end. `filling`
        says which panes of the new rules will be filled from the past. `placed_anew`: keys lie in other partitions.
        """
        self.has_ended = False
        self.names = (*(name for name in self.names if name != source.name), source.name)
        _put_in_force(self.dimensions, at_ms, tables, plan)
        both = replace(source, inferred={**self.source.inferred, **source.inferred})
        if _schema(both) != _schema(self.source):
            self.decoder = open_decoder(both.format, _schema(both))
        self.source = both
        self.flow.switch(at_ms, stage, living, filling, placed_anew=placed_anew)
        self.sender = Sender(self.id, self.flow, self.sender.partitions)

    def end(
        self, at_ms: int, tables: Mapping[str, TableData], plan: LogicalPlan, living: frozenset[str]
    ) -> list[Output]:
        """The source is gone, or reads another topic: what was taken in is judged up to E, and nothing more comes."""
        if self.has_ended:
            return []
        _put_in_force(self.dimensions, at_ms, tables, plan)
        self.flow.switch(at_ms, StageSpec(1, self.names, (), {}), living)
        self.sender = Sender(self.id, self.flow, self.sender.partitions)
        self.has_ended = True
        return self.advance(at_ms + GRACE_MS + 1)

    # input

    def step(self, raw: RawBatch, now_ms: int, max_future_ms: int) -> list[Output]:
        """Take in records; what comes of them at once, but for dead letters: see `take_letters`.

        The watermark goes on, and the flow with it.
        """
        outputs: list[Output] = []
        if self.has_ended:
            return outputs
        decoded = self.decoder.decode(raw, now_ms, max_future_ms)
        self.flow.laps.lap(DECODE, len(raw))
        self.counts["events"] += len(raw)
        if decoded.refused:
            self._lay_aside(raw, decoded.refused)
        self.counts["unfit"] += sum(decoded.unfit.values())
        frame = self._believed(decoded.frame, raw)
        if not len(frame):
            return outputs
        self.times += sample(frame.time)
        cuts = self._cuts(frame) if self.flow.is_tight(_KEYS_A_ROW * len(frame)) else []
        frame, late = self._split_late(frame, raw, outputs)
        self.counts["late"] += late
        frame = self._prepare(frame)
        outputs.extend(self._enriched(frame, raw))
        for position, limit_ms in cuts:
            assert frame.position is not None
            here = frame.position <= position
            self._push(frame.take(here), raw)
            self.flow.advance(dict.fromkeys(self.names, limit_ms))
            frame = frame.take(~here)
        self._push(frame, raw)
        return outputs + self.advance(self.watermark)

    def _push(self, frame: Frame, raw: RawBatch) -> None:
        topic, partition, offsets = raw.topic, raw.partition, raw.offsets

        def origin(position: int) -> Origin:
            return topic, partition, int(offsets[position])

        for name in self.names if len(frame) else ():
            self.flow.push(name, frame, origin)

    def _cuts(self, frame: Frame) -> list[tuple[int, int]]:
        """Where places for keys are scarce: the rows after which some may be freed, and the limits that they leave."""
        assert frame.position is not None
        highest = np.maximum(np.maximum.accumulate(frame.time), self.max_time)
        limits = np.maximum(highest - self.source.max_delay_ms, self.watermark) + 1
        steps = limits // STEP_MS
        rows = np.flatnonzero(steps[:-1] < steps[1:]) + 1
        if self.watermark != NEVER and (self.watermark + 1) // STEP_MS < steps[0]:
            rows = np.r_[0, rows]
        return list(zip(frame.position[rows].tolist(), limits[rows].tolist(), strict=True))

    def advance(self, watermark_ms: int) -> list[Output]:
        """The watermark goes on to here (never back)."""
        if self.watermark == NEVER:
            self._begin(watermark_ms)
        self.watermark = max(self.watermark, watermark_ms)
        self.flow.advance(dict.fromkeys(self.names, self.watermark + 1))
        self.dimensions.forget_before(self.watermark - self.flow.amend_ms)
        return _documents(self.flow.outbox, self.id)

    def _begin(self, watermark_ms: int) -> None:
        """The first watermark."""
        for name in self.names:
            self.flow.progress.begin(name, watermark_ms + 1)

    def exchange(self) -> list[ExchangeRecord]:
        return self.sender.records(self.flow.outbox)

    def _believed(self, frame: Frame, raw: RawBatch) -> Frame:
        """Rows whose stamps are taken at their word: here all, as the clock has judged them."""
        return frame

    def _split_late(self, frame: Frame, raw: RawBatch, outputs: list[Output]) -> tuple[Frame, int]:
        """An event is late iff its time is at or below the watermark that earlier offsets left."""
        time = frame.time
        if self.watermark == NEVER:
            self._begin(int(time[0]) - self.source.max_delay_ms)
        highest = np.maximum.accumulate(time)
        before = np.empty_like(time)
        before[0] = self.max_time
        np.maximum(highest[:-1], self.max_time, out=before[1:])
        floor = np.maximum(before - self.source.max_delay_ms, self.watermark)
        late = time <= floor
        after = np.maximum(np.maximum(highest, self.max_time) - self.source.max_delay_ms, self.watermark)
        frame.ticks = np.minimum(after + 1, time)
        self.max_time = max(self.max_time, int(highest[-1]))
        if late.any():
            for row in [] if self.source.drops_late else np.flatnonzero(late).tolist():
                outputs.append(self._late(raw, frame, row, int(floor[row])))
            self._take_late(frame.take(late), floor[late] + 1, raw)
            frame = frame.take(~late)
        self.watermark = max(self.watermark, self.max_time - self.source.max_delay_ms)
        return frame, int(np.count_nonzero(late))

    def _take_late(self, frame: Frame, arrivals: Times, raw: RawBatch) -> None:
        """Count them by rule; amend with them. `arrivals` are the instants that the watermark had not passed then."""
        keep = self._kept(frame)
        if keep is not None:
            frame, arrivals = frame.take(keep), arrivals[keep]
        self._remember_late(frame, raw)
        missed: dict[str, npt.NDArray[np.bool_]] = {}
        for name in self.names if len(frame) else ():
            for each, mask in late_readers(self.flow, name, frame):
                rule = self.readers.get(each, "")
                missed[rule] = mask | missed.get(rule, False)
            if self.flow.amend_ms:
                self.flow.push_late(name, frame, arrivals)
        for rule, mask in missed.items():
            self.late_by_rule[rule] += int(np.count_nonzero(mask))

    def _remember_late(self, frame: Frame, raw: RawBatch) -> None:
        """The newest, so many."""
        if not len(frame):
            return
        assert frame.position is not None
        newest = frame.take(np.arange(max(0, len(frame) - _MOST_LATE), len(frame)))
        assert newest.position is not None
        self.recent_late.append((newest, np.asarray(raw.offsets, np.int64)[newest.position]))
        while len(self.recent_late) > 1 and sum(len(each) for each, _ in self.recent_late) > _MOST_LATE:
            self.recent_late.popleft()

    def _prepare(self, frame: Frame) -> Frame:
        """Drop, sample and require: what rules get to see."""
        keep = self._kept(frame)
        if keep is None or keep.all():
            return frame
        self.counts["dropped"] += int(np.count_nonzero(~keep))
        return frame.take(keep)

    def _kept(self, frame: Frame) -> npt.NDArray[np.bool_] | None:
        """Which rows rules get to see; None: all."""
        evaluator = self.flow.evaluator
        keep: npt.NDArray[np.bool_] | None = None
        if self.source.drop is not None and len(frame):
            keep = evaluator.truths(self.source.drop, frame) != TRUE
        if self.source.sample < 1.0 and len(frame):
            sampled = self._sample(frame)
            keep = sampled if keep is None else keep & sampled
        for table, on in self.source.required:
            if len(frame):
                found = frame.columns[on] if isinstance(on, str) else evaluator.column(on, frame)
                present = self.dimensions.present(table, found, frame.time)
                keep = present if keep is None else keep & present
        return keep

    def _sample(self, frame: Frame) -> npt.NDArray[np.bool_]:
        column = frame.columns[self.source.key]
        if isinstance(column, Strings):
            names = column.dictionary.names
            lut = np.array([*(self._in_sample(name) for name in names), self._in_sample(None)], bool)
            return lut[column.codes]
        return np.array([self._in_sample(key_text(value)) for value in to_values(column)], bool)

    def _in_sample(self, key: str | None) -> bool:
        found = self._sampled.get(key)
        if found is None:
            digest = hashlib.blake2b((key or "").encode(), digest_size=8).digest()
            found = int.from_bytes(digest, "little") < self.source.sample * 2**64
            self._sampled[key] = found
        return found

    # output

    def _place(self, raw: RawBatch) -> Headers:
        return ("source", self.source.name), ("topic", raw.topic), ("partition", str(raw.partition))

    def _lay_aside(self, raw: RawBatch, refused: Refused) -> None:
        """In columns, as they may be many."""
        rows, reasons = refused.rows, refused.reasons
        keys = [None] * len(rows) if raw.keys is None else list(map(raw.keys.__getitem__, rows))
        payloads, offsets = list(map(raw.payloads.__getitem__, rows)), list(map(raw.offsets.__getitem__, rows))
        self._letters.append(Letters(self._place(raw), raw.partition, keys, payloads, offsets, reasons))
        for reason, count in Counter(reasons).items():
            self.counts["dead_letters:" + reason.partition(":")[0]] += count

    def take_letters(self) -> list[Letters]:
        """The dead letters since the last call."""
        letters, self._letters = self._letters, []
        return letters

    def _late(self, raw: RawBatch, frame: Frame, row: int, floor: int) -> Output:
        assert frame.position is not None
        index = int(frame.position[row])
        headers = (
            *self._place(raw),
            ("offset", str(int(raw.offsets[index]))),
            ("time", iso(int(frame.time[row]))),
            ("watermark", iso(floor)),
        )
        return Output(Sink.LATE, _key(raw, index), raw.payloads[index], headers, raw.partition)

    def _enriched(self, frame: Frame, raw: RawBatch) -> list[Output]:
        if not self.source.enriched or not len(frame):
            return []
        assert frame.position is not None
        evaluator = self.flow.evaluator
        names = [name for name, _ in self.source.enriched]
        columns = [to_values(evaluator.column(expr, frame)) for _, expr in self.source.enriched]
        outputs = []
        for position, values in zip(frame.position.tolist(), zip(*columns, strict=True), strict=True):
            event = msgspec.json.decode(raw.payloads[position] or b"{}")
            outputs.append(Output(Sink.ENRICHED, _key(raw, position), event | dict(zip(names, values, strict=True))))
        return outputs

    # state

    def snapshot(self) -> Picture:
        return [self.max_time, self.watermark, dict(self.counts), self.flow.snapshot()]

    def restore(self, picture: Picture) -> None:
        with distrusting(self.id):
            self.max_time, self.watermark, counts, flow = picture
            self.counts = _counts(counts)
            self.flow.restore(flow)
            _check_times(self.max_time, self.watermark)


class MergeTask:
    """One partition of the exchange at one stage: merges partials, orders rows and judges what needs all partitions.

    The watermark of a stream is the least of its feeders'; `feeders` names them per stream.
    """

    def __init__(
        self,
        task: TaskId,
        stage: StageSpec,
        feeders: Mapping[str, frozenset[str]],
        dimensions: Dimensions,
        exchange_partitions: int,
    ) -> None:
        self.id = task
        self.dimensions = dimensions
        self.flow = Flow(
            stage,
            dimensions,
            functions.evaluators(),
            lambda key: key_hash(key) % exchange_partitions == task.partition,
        )
        self.sender = Sender(task, self.flow, exchange_partitions)
        self.feeders = dict(feeders)
        self._leaving: list[tuple[str, frozenset[str], int]] = []
        self.heard: dict[str, dict[str, int]] = {stream: {} for stream in feeders}
        self.counts: Counter[str] = Counter()

    def switch(
        self,
        at_ms: int,
        stage: StageSpec,
        feeders: Mapping[str, frozenset[str]],
        tables: Mapping[str, TableData],
        plan: LogicalPlan,
        living: frozenset[str],
    ) -> None:
        """New rules and tables from E on; who feeds a stream no more is waited for up to there."""
        _put_in_force(self.dimensions, at_ms, tables, plan)
        self.flow.switch(at_ms, stage, living)
        gone = {stream: self.feeders.get(stream, frozenset()) - now for stream, now in feeders.items()}
        self._leaving += [(stream, names, at_ms) for stream, names in gone.items() if names]
        self.feeders |= feeders
        self.sender = Sender(self.id, self.flow, self.sender.partitions)

    def step(self, payloads: list[bytes]) -> list[Output]:
        """Take in exchange records in the order of the log; one by one where places for keys are scarce."""
        waiting = 0
        for payload in payloads:
            feeder, items = read_record(payload)
            keys = sum(map(keys_in, items))
            waiting += keys
            is_tight = self.flow.is_tight(waiting)
            if is_tight and waiting > keys:
                self.flow.advance(self._limits())
            self._take(feeder, items)
            if is_tight:
                self.flow.advance(self._limits())
                waiting = 0
        return self._go_on()

    def advance(self, watermark_ms: int) -> list[Output]:
        """All who feed it were heard up to here, whatever is retained of what they said."""
        for stream, feeders in self.feeders.items():
            heard = self.heard.setdefault(stream, {})
            heard |= {feeder: max(watermark_ms, heard.get(feeder, NEVER)) for feeder in feeders}
            if stream not in self.flow.progress.begun:
                self.flow.progress.begin(stream, watermark_ms + 1)
        return self._go_on()

    def _go_on(self) -> list[Output]:
        self.flow.advance(self._limits())
        self.dimensions.forget_before(self.watermark - self.flow.amend_ms)
        return _documents(self.flow.outbox, self.id)

    def _take(self, feeder: str, items: Iterable[Item]) -> None:
        for item in items:
            match item:
                case PaneItem():
                    family = self.flow.wiring.fed_by(item.family, item.since_ms, item.index)
                    if family is not None:
                        family.set_partial(item.index, f"{feeder}#{item.part}", partial_of(item, family))
                case LateItem():
                    family = self.flow.wiring.fed_by(item.family, item.since_ms, item.index)
                    if family is not None:
                        said = partial_of(item, family)
                        family.set_late(item.slot_ms, item.index, f"{feeder}#{item.part}", said)
                case PromiseItem():
                    promise = (item.family, item.since_ms, feeder, item.from_ms)
                    self.flow.wiring.promised(*promise, self.feeders)
                case RowsItem():
                    self.flow.push(item.feed, frame_of(item))
                case BeginningItem():
                    self.flow.progress.begin(item.stream, item.limit_ms)
                case _:
                    heard = self.heard.setdefault(item.stream, {})
                    heard[feeder] = max(item.watermark_ms, heard.get(feeder, NEVER))

    def _limits(self) -> dict[str, int]:
        limits = {}
        for stream, feeders in self.feeders.items():
            heard = self.heard.get(stream, {})
            waited = feeders | self._still_feeding(stream, heard)
            if waited <= heard.keys():
                limits[stream] = min(heard[feeder] for feeder in waited) + 1
        return limits

    def _still_feeding(self, stream: str, heard: Mapping[str, int]) -> set[str]:
        """Those that leave and have said something, but not all up to their end."""
        leaving = [(names, at_ms) for name, names, at_ms in self._leaving if name == stream]
        return {each for names, at_ms in leaving for each in names & heard.keys() if heard[each] < at_ms}

    @property
    def watermark(self) -> int:
        return min(self.flow.limits.values(), default=NEVER + 1) - 1

    def exchange(self) -> list[ExchangeRecord]:
        return self.sender.records(self.flow.outbox)

    def snapshot(self) -> Picture:
        heard = {stream: dict(feeders) for stream, feeders in self.heard.items()}
        return [heard, dict(self.counts), self.flow.snapshot()]

    def restore(self, picture: Picture) -> None:
        with distrusting(self.id):
            self.heard, counts, flow = picture
            self.counts = _counts(counts)
            self.flow.restore(flow)
            _check_times(*(ms for feeders in self.heard.values() for ms in feeders.values()))


def _schema(source: SourceSpec) -> EventSchema:
    return EventSchema(
        declared={name: Kind(kind) for name, kind in source.declared.items()},
        inferred={name: Kind(kind) for name, kind in source.inferred.items()},
        time_field=source.time,
        time_unit=source.time_unit,
        max_bytes=source.max_bytes,
    )


def _key(raw: RawBatch, index: int) -> bytes | None:
    return None if raw.keys is None else raw.keys[index]


Task = SourceTask | MergeTask
