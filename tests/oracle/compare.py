"""Multisets of outputs, as the laws compare them.

Left out are `emitted_at`, `replayed`, `evidence`, `rule_version` and (against the oracle) what the oracle does not
say: `id`, `message`. `seq` counts by its order within an id. Floats agree to 1e-9 of the larger of the value and the
largest input.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from streamwatchd.shard.output import Output, Sink
from tests.oracle.oracle import Answers

Plain = dict[str, object]
Letter = tuple[Sequence[tuple[str, bytes | str]], bytes | None]
TOLERANCE = 1e-9
_NOT_COMPARED = ("emitted_at", "replayed", "evidence", "rule_version", "seq")
_SINKS = ("alerts", "kpis", "anomalies", "late", "dead_letters")
_ON_THE_SCORE = ("score", "confidence", "drivers")


def iso_ms(text: str) -> int:
    """ISO-8601 with milliseconds → ms since the epoch."""
    when = datetime.fromisoformat(text)
    return round((when - datetime.fromisoformat("1970-01-01T00:00:00+00:00")).total_seconds() * 1000)


def plain_outputs(outputs: Iterable[Output]) -> dict[str, list[Plain]]:
    """What an engine put out, as plain documents by sink."""
    found: dict[str, list[Plain]] = {name: [] for name in _SINKS}
    for output in outputs:
        match output.sink:
            case Sink.ALERTS | Sink.KPIS | Sink.ANOMALIES:
                assert isinstance(output.value, dict)
                found[output.sink.value].append(dict(output.value))
            case Sink.LATE | Sink.DEAD_LETTERS:
                found[output.sink.value].append(dict(output.headers) | {"payload": output.value})
            case Sink.SHADOW:
                assert isinstance(output.value, dict)
                add_shadow(found, output.value)
            case Sink.ENRICHED:
                pass
    return found


def add_shadow(found: Mapping[str, list[Plain]], document: Plain) -> None:
    """What comes of a rule in shadow is among its like, with a mark."""
    sink = "alerts" if "rule" in document else "kpis" if "kpi" in document else "anomalies"
    found[sink].append({**document, "shadow": True})


def plain_topics(
    values: Mapping[str, Iterable[bytes]], late: Iterable[Letter], dead_letters: Iterable[Letter]
) -> dict[str, list[Plain]]:
    """What a daemon wrote to its topics, as plain documents by sink: values by topic (alerts, kpis, anomalies, shadow),
    and for letters (headers, payload)."""
    found = {name: [json.loads(value) for value in values.get(name, ())] for name in ("alerts", "kpis", "anomalies")}
    for value in values.get("shadow", ()):
        add_shadow(found, json.loads(value))
    letters = {"late": late, "dead_letters": dead_letters}
    return found | {name: [_of_letter(*letter) for letter in said] for name, said in letters.items()}


def _of_letter(headers: Sequence[tuple[str, bytes | str]], payload: bytes | None) -> Plain:
    texts = {name: value.decode() if isinstance(value, bytes) else value for name, value in headers}
    return texts | {"payload": payload}


def by_law(found: Mapping[str, Sequence[Plain]], *, ids: bool = True) -> dict[str, list[Plain]]:
    """Documents with only what the laws compare; `ids` False for alarms judged at once under law 4."""
    alerts = []
    for alert in _with_order(found["alerts"]):
        alerts.append({k: v for k, v in alert.items() if k not in _NOT_COMPARED and (ids or k != "id")})
    kpis = [{k: v for k, v in row.items() if k not in _NOT_COMPARED} for row in found["kpis"]]
    letters = {name: [dict(letter) for letter in found[name]] for name in ("late", "dead_letters")}
    anomalies = [_anomaly(row) for row in found.get("anomalies", ())]
    return {"alerts": alerts, "kpis": kpis, "anomalies": anomalies} | letters


def _anomaly(row: Plain) -> Plain:
    """What is said of the score stands among the values, as they are near and not equal."""
    said = {name: row[name] for name in _ON_THE_SCORE if name in row}
    values = row["values"]
    assert isinstance(values, dict)
    rest = {name: value for name, value in row.items() if name not in (*_ON_THE_SCORE, *_NOT_COMPARED)}
    return rest | {"values": values | said}


def _with_order(alerts: Sequence[Plain]) -> list[Plain]:
    """`order` in place of `seq`: the rank within the id."""
    by_id: dict[object, list[Plain]] = defaultdict(list)
    for alert in alerts:
        by_id[alert.get("id")].append(alert)
    return [
        alert | {"order": order}
        for life in by_id.values()
        for order, alert in enumerate(sorted(life, key=lambda alert: alert["seq"]))  # type: ignore[arg-type, return-value]
    ]


def as_oracle(found: Mapping[str, Sequence[Plain]]) -> dict[str, list[Plain]]:
    """An engine's documents in the oracle's form."""
    return {
        "alerts": [_alert(alert) | {"order": int(str(alert["seq"])) - 1} for alert in found["alerts"]],
        "kpis": [_kpi(row) for row in found["kpis"]],
        "anomalies": [_scored(row) for row in found.get("anomalies", ())],
        "late": [_letter(letter, ("time", "watermark")) for letter in found["late"]],
        "dead_letters": [_letter(letter, ("reason",)) for letter in found["dead_letters"]],
    }


def from_oracle(found: Answers) -> dict[str, list[Plain]]:
    """The oracle's documents in the form of `as_oracle`, without `place`."""
    alerts = [{k: v for k, v in alert.items() if k not in ("place", "moment")} for alert in found.alerts]
    dead = [letter | {"reason": str(letter["reason"]).split(":")[0]} for letter in found.dead_letters]
    rows = {"kpis": list(found.kpis), "anomalies": list(found.anomalies)}
    return {"alerts": alerts, **rows, "late": list(found.late), "dead_letters": dead}


def _alert(alert: Plain) -> Plain:
    plain = {k: v for k, v in alert.items() if k not in (*_NOT_COMPARED, "id", "message")}
    for name in ("starts_at", "at", "ends_at"):
        plain[name] = iso_ms(str(plain[name])) if plain.get(name) is not None else None
    plain["window"] = _window(plain.get("window"))
    for name in ("previous", "runbook", "reason", "muted_by"):
        plain[name] = plain.get(name) or None
    return plain


def _kpi(row: Plain) -> Plain:
    return {k: v for k, v in row.items() if k not in _NOT_COMPARED} | {"window": _window(row["window"])}


def _scored(row: Plain) -> Plain:
    """The oracle does not say what drove a score."""
    return _anomaly({k: v for k, v in row.items() if k != "drivers"}) | {"window": _window(row["window"])}


def _window(window: object) -> tuple[int, int] | None:
    if not isinstance(window, dict):
        return None
    return iso_ms(window["start"]), iso_ms(window["end"])


def _letter(letter: Plain, more: tuple[str, ...]) -> Plain:
    plain = {name: letter[name] for name in ("source", "topic", "payload", *more)}
    plain |= {name: int(str(letter[name])) for name in ("partition", "offset")}
    for name in ("time", "watermark"):
        if name in plain:
            text = str(plain[name])
            plain[name] = iso_ms(text) if "T" in text else int(text)
    if "reason" in plain:
        plain["reason"] = str(plain["reason"]).split(":")[0]
    return plain


def differences(
    one: Mapping[str, Sequence[Plain]], two: Mapping[str, Sequence[Plain]], largest_input: float = 0.0
) -> list[str]:
    """What only one side has, by sink; empty if they are equal as multisets."""
    found: list[str] = []
    for sink in _SINKS:
        left, right = _by_skeleton(one.get(sink, ())), _by_skeleton(two.get(sink, ()))
        for skeleton in sorted(left.keys() | right.keys(), key=repr):
            mine, theirs = left.get(skeleton, []), right.get(skeleton, [])
            for numbers in _unmatched(mine, theirs, largest_input):
                found.append(f"{sink}: - {show(skeleton, numbers)}")
            for numbers in _unmatched(theirs, mine, largest_input):
                found.append(f"{sink}: + {show(skeleton, numbers)}")
    return found


Skeleton = tuple[object, ...]
Numbers = tuple[float, ...]


def _by_skeleton(documents: Sequence[Plain]) -> dict[Skeleton, list[Numbers]]:
    found: dict[Skeleton, list[Numbers]] = defaultdict(list)
    for document in documents:
        numbers: list[float] = []
        found[_skeleton(document, numbers)].append(tuple(numbers))
    return {skeleton: sorted(numbers) for skeleton, numbers in found.items()}


def _skeleton(value: object, numbers: list[float], near: bool = False) -> Skeleton:
    """The document without the numbers under `values`, which go to `numbers` in order; all others are exact."""
    match value:
        case dict():
            return ("{", *((name, _skeleton(value[name], numbers, near or name == "values")) for name in sorted(value)))
        case list() | tuple():
            return ("[", *(_skeleton(item, numbers, near) for item in value))
        case bool():
            return ("bool", value)
        case int() | float() if near:
            numbers.append(float(value))
            return ("#",)
    return (value,)


def _unmatched(mine: list[Numbers], theirs: list[Numbers], largest: float) -> list[Numbers]:
    left = list(theirs)
    missing = []
    for numbers in mine:
        hit = next((other for other in left if _near(numbers, other, largest)), None)
        if hit is None:
            missing.append(numbers)
        else:
            left.remove(hit)
    return missing


def _near(one: Numbers, two: Numbers, largest: float) -> bool:
    return all(abs(a - b) <= TOLERANCE * max(abs(a), abs(b), largest) for a, b in zip(one, two, strict=True))


def show(skeleton: Skeleton, numbers: Numbers) -> str:
    """The document again, short."""
    left = list(numbers)

    def text(part: Skeleton) -> str:
        match part[0]:
            case "{":
                return "{" + ", ".join(f"{name}: {text(item)}" for name, item in part[1:]) + "}"  # type: ignore[misc]
            case "[":
                return "[" + ", ".join(text(item) for item in part[1:]) + "]"  # type: ignore[arg-type]
            case "#":
                return f"{left.pop(0):.17g}"
            case "bool":
                return str(part[1])
        return repr(part[0])

    return text(skeleton)
