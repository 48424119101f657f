"""A small project on the driver: rules as text, events as keywords, outputs as short lines."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

import msgspec

from streamwatchd.batch import RawBatch
from streamwatchd.compiler import Compiled, compile_project
from streamwatchd.shard.output import Mark, Output, Sink, TaskId
from streamwatchd.shard.owner import Owner
from streamwatchd.shard.snapshot import Snapshot
from streamwatchd.shard.version import BEGINNING, Version
from streamwatchd.testing.driver import Driver
from tests.oracle.compare import iso_ms
from tests.oracle.world import START_MS, write_project
from tests.placed import placed_in

SOURCES = """\
m: {topic: m, time: ts, unit: ms, max_delay: 1s, key: host, enrich: {devices: host},
  fields: {x: {type: float, unit: percent}, host: string, site: string, ok: bool, kind: string, n: int}}
other: {topic: other, time: ts, unit: ms, max_delay: 1s, fields: {x: float, host: string, n: int}}
"""
DEVICES = "host,role,weight\na,critical,2\nb,spare,0.5\n"


def compiled(
    rules: str,
    tables: Mapping[str, str] | None = None,
    sources: str = SOURCES,
    calendars: Mapping[str, str] = MappingProxyType({}),
    silences: Mapping[str, str] = MappingProxyType({}),
) -> Compiled:
    """A project of one rule file; raises AssertionError with what the loader has against it."""
    text = rules if rules.lstrip().startswith(("source:", "rules:")) else f"source: m\nevery: 10s\nrules:\n{rules}"
    with tempfile.TemporaryDirectory() as folder:
        tables = tables or {"devices": DEVICES}
        found = compile_project(write_project(Path(folder), sources, {"rules": text}, tables, calendars, silences))
    errors = [str(each) for each in found.loaded.diagnostics if each.is_error]
    assert not errors, errors
    assert found.program is not None
    return found


def through_a_file(states: Mapping[TaskId, object]) -> Mapping[TaskId, object]:
    """As the next process finds them on disk."""
    snapshot = Snapshot(Owner("bench", 0, 1, 0), 1, (Version(0, BEGINNING, ""),), {}, states, "0")
    return Snapshot.decode(snapshot.encode()).states


class Bench:
    """Times are seconds after the start. Records go to partition 0 unless they say `partition=`."""

    def __init__(
        self,
        rules: str,
        *,
        tables: Mapping[str, str] | None = None,
        partitions: int = 1,
        sources: str = SOURCES,
        calendars: Mapping[str, str] = MappingProxyType({}),
        silences: Mapping[str, str] = MappingProxyType({}),
        backfill_s: int = 0,
    ) -> None:
        self._compiled, self._tables = compiled(rules, tables, sources, calendars, silences), tables
        self.calendars, self.silences = calendars, silences
        self._history = [self._compiled]
        self._instants: list[int] = []
        self._partitions = {"m": partitions, "other": 1}
        self._backfill_s = backfill_s
        self._offsets: dict[tuple[str, int], int] = {}
        self._outputs: list[Output] = []
        self.driver = self._driver()

    def _driver(self) -> Driver:
        first = self._history[0]
        assert first.program is not None
        return Driver(
            first.program, first.loaded.tables, self._partitions, exchange_partitions=2,
            backfill_ms=self._backfill_s * 1000,
        )  # fmt: skip

    def feed(self, *events: tuple[float, Mapping[str, object]], topic: str = "m", partition: int = 0) -> Bench:
        """Events in one batch: (time, fields)."""
        rows = [msgspec.json.encode({"ts": START_MS + round(at * 1000)} | dict(event)) for at, event in events]
        first = self._offsets.get((topic, partition), 0)
        self._offsets[topic, partition] = first + len(rows)
        self.driver.feed(RawBatch(topic, partition, rows, range(first, first + len(rows)), [0] * len(rows)))
        return self

    def at(self, at: float, *, topic: str = "m", partition: int = 0, **event: object) -> Bench:
        """One event."""
        return self.feed((at, event), topic=topic, partition=partition)

    def series(self, times: Iterable[float], **event: object) -> Bench:
        """The same event at many times, one batch each."""
        for at in times:
            self.at(at, **event)
        return self

    def clock(self, at: float, *, topics: Iterable[str] = ("m", "other")) -> Bench:
        """All that happened before this time is known: instants up to it are judged."""
        for topic in topics:
            for partition in range(self._partitions[topic]):
                self.driver.mark(Mark(TaskId(1, topic, partition), -1, START_MS + round(at * 1000) - 1))
        return self

    def change(
        self, rules: str, *, tables: Mapping[str, str] | None = None, sources: str = SOURCES,
        placed: Mapping[str, int] = MappingProxyType({}),
    ) -> Bench:  # fmt: skip
        """Other rules, tables or sources from just above the newest event on; `placed`: as in `LogicalPlan`."""
        found = compiled(rules, tables or self._tables, sources, self.calendars, self.silences)
        self._history.append(placed_in(found, placed))
        program = self._history[-1].program
        assert program is not None
        self.switched_at = self.driver.switch(program, self._history[-1].loaded.tables)
        self._instants.append(self.switched_at)
        return self

    def restart(self) -> Bench:
        """Another process goes on from this one's snapshots, with the changes that are under way."""
        pictures = [shard.snapshot() for shard in self.driver.shards]
        self._outputs += self.driver.take_outputs()
        self._go_on_a_while()
        states = [through_a_file(picture) for picture in pictures]
        log, self.driver = self.driver.log, self._driver()
        self.driver.log = log
        for later, at_ms in zip(self._history[1:], self._instants, strict=True):
            assert later.program is not None
            self.driver.switch(later.program, later.loaded.tables, at_ms, fills=False)
        for shard, state in zip(self.driver.shards, states, strict=True):
            shard.restore(state)
        return self

    def _go_on_a_while(self) -> None:
        """What the old process still does, a picture that was taken before does not show."""
        for (topic, partition), offset in self._offsets.items():
            later = max(shard.max_event_time() for shard in self.driver.shards) + 1
            rows = [msgspec.json.encode({"ts": later + at, "host": "late", "x": 1e9}) for at in (0, 7_200_000)]
            self.driver.feed(RawBatch(topic, partition, rows, range(offset, offset + 2), [0, 0]))
        self.driver.take_outputs()

    def documents(self, sink: Sink) -> list[dict[str, object]]:
        """All outputs of a kind since the last call for it; the headers of late events and dead letters."""
        self._outputs += self.driver.take_outputs()
        found = [out for out in self._outputs if out.sink is sink]
        self._outputs = [out for out in self._outputs if out.sink is not sink]
        return [out.value if isinstance(out.value, dict) else dict(out.headers) for out in found]

    def alerts(self) -> list[str]:
        """`30 rule event severity key reason`, in the order in which they came."""
        return [alert_line(value) for value in self.documents(Sink.ALERTS)]

    def rows(self) -> list[str]:
        """KPI rows as `start-end kpi key name=value …`."""
        return [row_line(value) for value in self.documents(Sink.KPIS)]


def seconds(text: object) -> str:
    return f"{(iso_ms(str(text)) - START_MS) / 1000:.3f}".rstrip("0").rstrip(".")


def alert_line(alert: Mapping[str, object]) -> str:
    key = ",".join(str(value) for value in alert["key"].values())  # type: ignore[attr-defined]
    parts = (seconds(alert["at"]), alert["rule"], alert["event"], alert["severity"], key, alert["reason"] or "")
    return " ".join(str(part) for part in parts if part != "")


def row_line(row: Mapping[str, object]) -> str:
    window, key, values = row["window"], row["key"], row["values"]
    assert isinstance(window, dict)
    assert isinstance(key, dict)
    assert isinstance(values, dict)
    shown = [f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}" for name, value in values.items()]
    names = ",".join(map(str, key.values()))
    return " ".join(
        filter(None, [f"{seconds(window['start'])}-{seconds(window['end'])}", str(row["kpi"]), names, *shown])
    )
