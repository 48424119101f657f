"""Plain consumption: read every record of some partitions with the daemon's own client settings, and do nothing.

    python -m benchmarks.ref1.plain BOOTSTRAP TOPIC PARTITION…

What this takes no program on this client can save. Prints `BENCH first_record MS` and `BENCH last_record MS`.
"""

from __future__ import annotations

import sys
import time

from confluent_kafka import Consumer, TopicPartition

from streamwatchd.ports.librdkafka.reader import REQUIRED, TUNING

BATCH = 20_000


def say(mark: str) -> None:
    print(f"BENCH {mark} {time.time() * 1000:.0f}", flush=True)


def main() -> None:
    bootstrap, topic, *numbers = sys.argv[1:]
    consumer = Consumer({**TUNING, **REQUIRED, "bootstrap.servers": bootstrap})
    partitions = [TopicPartition(topic, int(number), 0) for number in numbers]
    left = sum(consumer.get_watermark_offsets(each)[1] for each in partitions)
    consumer.assign(partitions)
    first = True
    while left > 0:
        messages = consumer.consume(BATCH, 0.05)
        values = [message.value() for message in messages if message.error() is None]
        if values and first:
            first = False
            say("first_record")
        left -= len(values)
    say("last_record")
    consumer.close()


if __name__ == "__main__":
    main()
