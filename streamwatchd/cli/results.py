"""The files that `dry-run` writes, and what it counts of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import msgspec

from streamwatchd.errors import UnreadableInput
from streamwatchd.operators.document import name_of
from streamwatchd.shard.output import Output, Sink

FILES = {
    Sink.ALERTS: "alerts.ndjson",
    Sink.KPIS: "kpis.ndjson",
    Sink.ANOMALIES: "anomalies.ndjson",
    Sink.LATE: "late.ndjson",
    Sink.DEAD_LETTERS: "dead_letters.ndjson",
    Sink.SHADOW: "shadow.ndjson",
}

_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Tally:
    """What was written: alerts by (rule, event), KPI rows by name, late by source, dead letters by reason.

    `endless` are the rules whose alerts are occurrences.
    """

    endless: Container[str] = ()
    alerts: Counter[tuple[str, str]] = field(default_factory=Counter)
    kpis: Counter[str] = field(default_factory=Counter)
    anomalies: Counter[str] = field(default_factory=Counter)
    late: Counter[str] = field(default_factory=Counter)
    dead_letters: Counter[str] = field(default_factory=Counter)
    shadow: Counter[str] = field(default_factory=Counter)
    firing: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """Alarms that have not resolved, by id; occurrences, which have no end, are not among them."""

    def alert(self, document: Mapping[str, Any]) -> None:
        self.alerts[document["rule"], document["event"]] += 1
        if document["event"] == "fired" and document["rule"] in self.endless:
            return
        if document["state"] == "resolved" or document["ends_at"] is not None:
            self.firing.pop(document["id"], None)
        else:
            self.firing[document["id"]] = document


class Results:
    """Opens the files in a folder, which is made if need be; what stood in them is overwritten."""

    def __init__(self, folder: Path, endless: Container[str] = ()) -> None:
        """Raises UnreadableInput where they can't be written. `endless`: see `Tally`."""
        self.tally = Tally(endless)
        self._files: dict[Sink, IO[bytes]] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for sink, name in FILES.items():
                self._files[sink] = (folder / name).open("wb")
        except OSError as error:
            self.close()
            raise UnreadableInput(f"{folder}: nothing can be written there: {error.strerror}") from None

    def write(self, outputs: Iterable[Output]) -> None:
        for output in outputs:
            if output.sink not in self._files:
                continue
            self._files[output.sink].write(_encode(self._document(output)) + b"\n")

    def close(self) -> None:
        for file in self._files.values():
            file.close()

    def _document(self, output: Output) -> Mapping[str, Any]:
        tally, value = self.tally, output.value
        match output.sink:
            case Sink.ALERTS if isinstance(value, dict):
                tally.alert(value)
                return value
            case Sink.KPIS if isinstance(value, dict):
                tally.kpis[str(value["kpi"])] += 1
                return value
            case Sink.ANOMALIES if isinstance(value, dict):
                tally.anomalies[str(value["anomaly"])] += 1
                return value
            case Sink.SHADOW if isinstance(value, dict):
                tally.shadow[name_of(value)] += 1
                return value
            case sink:
                document = set_apart(output)
                if sink is Sink.LATE:
                    tally.late[document["source"]] += 1
                else:
                    tally.dead_letters[document["reason"].split(":")[0]] += 1
                return document

    def __enter__(self) -> Results:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def set_apart(output: Output) -> dict[str, Any]:
    """A late event or dead letter: its coordinates, why, and what it was, as text (`_base64` where it is none)."""
    document: dict[str, Any] = dict(output.headers)
    for name in ("partition", "offset"):
        document[name] = int(document[name])
    payload = output.value if isinstance(output.value, bytes) else None
    for name, data in (("key", output.key), ("value", payload)):
        try:
            document[name] = None if data is None else data.decode()
        except UnicodeDecodeError:
            document[f"{name}_base64"] = msgspec.to_builtins(data)
    return document
