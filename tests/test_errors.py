"""Error families: one root, and they carry what the one who reacts needs."""

from __future__ import annotations

import pickle

import pytest

from streamwatchd import errors
from streamwatchd.diagnostics import Diagnostic

FAMILIES = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, Exception)]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_ours_and_says_how_to_react(family: type[Exception]) -> None:
    """One `except StreamwatchdError` tells our errors from bugs."""
    assert issubclass(family, errors.StreamwatchdError)
    assert family.__doc__


def test_what_they_carry() -> None:
    """The diagnostics of a refused rule set, the reason of a bad record; both in the text as well."""
    refused = errors.RuleSetRejected((Diagnostic("SW300", "m"),))
    assert refused.diagnostics[0].code == "SW300"
    assert "1 problem" in str(refused)
    assert errors.BadRecord("bad_json: x").reason == str(errors.BadRecord("bad_json: x")) == "bad_json: x"


def test_a_bad_record_crosses_a_process_boundary() -> None:
    """Workers report to their supervisor."""
    assert pickle.loads(pickle.dumps(errors.BadRecord("too_large"))).reason == "too_large"
