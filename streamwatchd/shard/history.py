"""What the journal topic knows of versions: which rules were in force from which instant on, by digest."""

from __future__ import annotations

from collections.abc import Iterable

from streamwatchd.ports.kafka import Kafka, Partition
from streamwatchd.shard.journal import EpochRecord, payloads
from streamwatchd.shard.version import BEGINNING, Version


def journalled_epochs(kafka: Kafka, journal: str, app: str) -> list[EpochRecord]:
    """All epochs that the topic retains, of all shards and layouts. Raises Unavailable, StateMismatch."""
    admin = kafka.admin()
    try:
        count = admin.partitions_of([journal]).get(journal, 0)
    finally:
        admin.close()
    found: list[EpochRecord] = []
    for number in range(count):
        for key, payload in payloads(kafka, Partition(journal, number)):
            if key is not None and key.isdigit() and payload is not None:
                record = EpochRecord.decode(payload)
                found += [record] if record.owner.app == app else []
    return found


def versions_in(epochs: Iterable[EpochRecord]) -> tuple[Version, ...]:
    """The versions that these name, oldest first: the newest one and those that lead up to it without a gap."""
    found: dict[int, Version] = {}
    for record in epochs:
        found |= {each.number: each for each in record.switches}
        if record.version == 0:
            found[0] = Version(0, BEGINNING, record.content)
    numbers = sorted(found)
    while numbers and numbers[-1] - numbers[0] != len(numbers) - 1:
        numbers.pop(0)
    return tuple(found[number] for number in numbers)


def versions_retained(epochs: Iterable[EpochRecord]) -> tuple[Version, ...]:
    """The same with the one before the first of these, where an epoch that is retained ran under it: it is in force
    from the beginning on, as far as anybody knows."""
    epochs = list(epochs)
    found = {each.number: each for each in versions_in(epochs)}
    first = min(found, default=None)
    for record in epochs:
        if first is None or record.version == first - 1:
            found[record.version] = Version(record.version, BEGINNING, record.content)
    numbers = sorted(found) if first is not None else sorted(found)[-1:]
    return tuple(found[number] for number in numbers)
