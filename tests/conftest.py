"""Fixtures and options for every test."""

from __future__ import annotations

import pytest
from hypothesis import settings

from streamwatchd.shard.collector import collect_rarely
from tests.kafka.fixtures import kafka as kafka
from tests.s3.fixtures import s3 as s3

LONG = ("tests/crashloop/", "tests/laws/", "tests/kafka/test_law_7.py", "tests/kafka/test_moving.py")
"""What takes a minute or more, the longest first."""

# Each run takes the same examples, however long one takes on a machine that is busy.
settings.register_profile("suite", deadline=None, derandomize=True, database=None)
settings.load_profile("suite")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="rewrite golden files and what the README shows")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole files in the order in which processes take them (`--no-loadscope-reorder`): what takes long, then what
    waits for a broker, so that no process is left alone with it at the end."""
    items.sort(key=_turn)


def pytest_collection_finish() -> None:
    """Thousands of tests are there for good: looking through them for cycles took an eighth of the time."""
    collect_rarely()


def _turn(item: pytest.Item) -> int:
    for number, place in enumerate(LONG):
        if item.nodeid.startswith(place):
            return number
    return len(LONG) + (item.get_closest_marker("kafka") is None)
