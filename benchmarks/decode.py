"""CPU per event of the JSON decoder with all its checks, on records of about 150 bytes, at 0, 1 and 100 % poison.

usage: python -m benchmarks.decode [BATCHES]     (each of 20,000 records; the best batch counts)
"""

from __future__ import annotations

import json
import random
import sys
import time

from streamwatchd.batch import RawBatch
from streamwatchd.codecs.base import EventSchema
from streamwatchd.codecs.json_rows import JsonDecoder
from streamwatchd.lang.typed import Kind
from streamwatchd.shard.collector import collect_rarely

RECORDS = 20_000
T0 = 1_790_000_040_000
FIELDS = {"service": Kind.STRING, "cpu": Kind.NUMBER, "mem": Kind.NUMBER, "status": Kind.NUMBER}
POISON = (b"", b'{"ts":1790000040000,"host":"h1"', b'{"ts":1790000040000,"host":5}', b"[1,2]", b'{"ts":NaN}', b"\xff{}")


def record(row: int, draw: random.Random, *, iso: bool = False, nested: bool = False) -> bytes:
    now = T0 + row // 5
    stamp: object = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(now // 1000))}.{now % 1000:03d}Z" if iso else now
    event: dict[str, object] = {
        "ts": stamp,
        "host": f"host-{draw.randrange(10_000):05d}",
        "service": f"svc-{draw.randrange(50)}",
        "cpu": round(draw.uniform(0, 100), 2),
        "mem": round(draw.uniform(0, 100), 2),
        "latency": round(draw.expovariate(0.01), 3),
        "status": draw.choice((200, 200, 200, 404, 500)),
        "bytes": draw.randrange(100, 50_000),
        "zone": "rack-17",
    }
    if nested:
        event = {"ts": event.pop("ts"), "tags": {"host": event.pop("host")}, "fields": event, "name": "system"}
    return json.dumps(event, separators=(",", ":")).encode()


def batches(share: float, *, iso: bool = False, nested: bool = False, count: int = 8) -> list[RawBatch]:
    draw = random.Random(1)
    made = []
    for _ in range(count):
        payloads = [
            draw.choice(POISON) if draw.random() < share else record(row, draw, iso=iso, nested=nested)
            for row in range(RECORDS)
        ]
        made.append(RawBatch("events", 0, payloads, range(RECORDS), [T0] * RECORDS))
    return made


def measure(schema: EventSchema, raws: list[RawBatch]) -> float:
    """µs of CPU per event, the best batch; a warm decoder."""
    decoder = JsonDecoder(schema)
    decoder.decode(raws[0], T0, 300_000)
    best = float("inf")
    for raw in raws:
        start = time.process_time()
        decoder.decode(raw, T0, 300_000)
        best = min(best, time.process_time() - start)
    return best / RECORDS * 1e6


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 8
    collect_rarely()
    flat = EventSchema({"host": Kind.STRING}, FIELDS, "ts", "ms")
    by_size = EventSchema({"host": Kind.STRING}, FIELDS, "ts")
    deep = EventSchema({"tags.host": Kind.STRING}, {f"fields.{name}": kind for name, kind in FIELDS.items()}, "ts")
    unfit = EventSchema({"host": Kind.STRING}, FIELDS | {"zone": Kind.NUMBER}, "ts")
    size = sum(map(len, batches(0, count=1)[0].payloads)) / RECORDS  # type: ignore[arg-type]
    print(f"records of {size:.0f} bytes, 6 fields read (time, 2 strings, 3 numbers), batches of {RECORDS:,}")
    print(f"  0 % poison             {measure(flat, batches(0, count=count)):6.2f} µs/event")
    print(f"  1 % poison             {measure(flat, batches(0.01, count=count)):6.2f}")
    print(f"  100 % poison           {measure(flat, batches(1, count=count)):6.2f}")
    print(f"  ISO-8601 times         {measure(by_size, batches(0, iso=True, count=count)):6.2f}")
    print(f"  nested (tags, fields)  {measure(deep, batches(0, nested=True, count=count)):6.2f}")
    print(f"  a field never fits     {measure(unfit, batches(0, count=count)):6.2f}")


if __name__ == "__main__":
    main()
