"""Options of librdkafka: what is passed on."""

from __future__ import annotations

import pytest
from confluent_kafka import Producer

from streamwatchd.rules.kafka_options import ALLOWED, FORBIDDEN, refusal


@pytest.mark.parametrize(
    "option", ["plugin.library.paths", "sasl.kerberos.kinit.cmd", "ssl.engine.location", "group.id"]
)
def test_dangerous_options_are_refused_with_a_reason(option: str) -> None:
    """They run code, or belong to the engine."""
    assert option not in ALLOWED
    assert refusal(option)


def test_the_lists_do_not_overlap() -> None:
    """Each option is in one of them or in none."""
    assert not ALLOWED & set(FORBIDDEN)


def test_allowed_options_exist_in_the_client() -> None:
    """A name that librdkafka does not know would stop the daemon at start."""
    unknown = []
    for option in ALLOWED:
        try:
            Producer({option: "\0no such value"})
        except Exception as error:
            if "No such configuration property" in str(error):
                unknown.append(option)
    assert unknown == []
