"""The embedded broker is there for other processes of the machine. What it promises is in tests/contracts."""

from __future__ import annotations

import pickle
import subprocess
import sys

from streamwatchd.ports.embedded import EmbeddedBroker
from streamwatchd.ports.kafka import NewTopic, Partition, Record

WRITE = """
import pickle, sys
from streamwatchd.ports.kafka import Record
writer = pickle.loads(sys.stdin.buffer.read()).plain_writer()
writer.send([Record("t", b"from afar", partition=3)])
writer.flush(30)
"""


def test_another_process_writes_and_this_one_reads() -> None:
    """The port can be sent to it."""
    with EmbeddedBroker() as broker:
        kafka = broker.kafka()
        kafka.admin().ensure_topics([NewTopic("t", EmbeddedBroker.PARTITIONS)])
        subprocess.run([sys.executable, "-c", WRITE], input=pickle.dumps(kafka), check=True, timeout=60)
        reader = kafka.reader()
        reader.assign({Partition("t", 3): 0})
        taken = next(filter(len, (reader.take(10, 1.0) for _ in range(30))))
        assert taken.batches[0].payloads == [b"from afar"]
        reader.close()


def test_several_brokers_have_several_addresses() -> None:
    """And writing still works."""
    with EmbeddedBroker(brokers=3) as broker:
        assert len(broker.bootstrap.split(",")) == 3
        kafka = broker.kafka()
        kafka.admin().ensure_topics([NewTopic("t", EmbeddedBroker.PARTITIONS)])
        writer = kafka.plain_writer()
        writer.send([Record("t", b"x", partition=number) for number in range(EmbeddedBroker.PARTITIONS)])
        writer.flush(30)
