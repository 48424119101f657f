"""Committed offsets as the journal topic has them; most of it is shown by test_fit."""

from __future__ import annotations

import pytest

from streamwatchd.daemon.put_back import has_worked, put_back
from streamwatchd.errors import StateMismatch
from tests.daemon.worked import P0, worked
from tests.shard.small import SETTINGS, World


def test_what_the_journal_does_not_retain_can_not_be_put_back() -> None:
    """Then it says what is left to do."""
    world = World()
    with pytest.raises(StateMismatch, match=r"does not retain where in.0. stood"):
        put_back(world.kafka, SETTINGS, [P0])


def test_an_application_that_never_worked_is_not_known() -> None:
    """The journal topic is there, and has nothing of it."""
    assert not has_worked(World().kafka, SETTINGS)
    assert has_worked(worked()[0].kafka, SETTINGS)
