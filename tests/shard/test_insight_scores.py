"""What a model makes of a key, read off a running shard."""

from __future__ import annotations

from typing import Any

import pytest

from streamwatchd.cli.live import live
from streamwatchd.shard.insight import insight
from tests.models.small import remembering
from tests.operators.test_score import OWN, RULES, Scored, _kinds

__all__ = ["_kinds"]


def answer(bench: Scored, **key: str) -> dict[str, Any]:
    answers = [each for shard in bench.driver.shards for each in insight(shard, "jump", key)]
    (found,) = [each for each in answers if "examples" not in each] or answers[:1]
    return found


@pytest.mark.parametrize(("rules", "feature"), [(RULES, "mean"), (OWN, "peak")])
def test_the_score_its_threshold_and_what_drove_it_are_told(rules: str, feature: str) -> None:
    """Beside how the alarm stands; the levels have the values of the row that was scored."""
    bench = Scored(rules, remembering(feature)).at(1, host="a", x=1).at(11, host="a", x=90).clock(20)
    found = answer(bench, host="a")
    assert (found["kind"], found["standing"]["state"]) == ("anomaly", "firing")
    assert (found["score"]["model"], found["score"]["version"]) == ("step", 1)
    assert found["score"]["drivers"] == {feature: 1.0}
    (level,) = found["levels"]
    assert level["up"] is True
    assert next((each["text"], each["value"]) for each in level["when"]) == ("score > 0.9", True)
    result = {"rule": "jump", "key": {"host": "a"}, "at_ms": 0, "late": None, "holding": None, "problems": []}
    text = "\n".join(live({**result, "answers": [found | {"shard": 0}]}))
    assert "by step@1 for the window" in text
    assert f"{feature}   100% of it  (value 90.0)" in text


def test_a_model_that_warms_up_says_so() -> None:
    """Its first row of a key has nothing to compare with: no score, at rest."""
    found = answer(Scored(RULES, remembering("mean")).at(1, host="a", x=1).clock(10), host="a")
    assert (found["standing"], found["score"]["score"]) == (None, None)


def test_without_a_version_in_force_the_answer_says_that() -> None:
    found = answer(Scored(RULES).at(1, host="a", x=1).clock(10), host="a")
    assert (found["score"], found["note"]) == (None, "no version of the model is in force")


def test_rows_are_not_at_hand_over_a_restart() -> None:
    """They are no state: the answer says so, and how the alarm stands all the same."""
    bench = Scored(RULES, remembering("mean")).at(1, host="a", x=1).at(11, host="a", x=90).clock(20).restart()
    found = answer(bench, host="a")
    assert found["standing"]["state"] == "firing"
    assert "no row of the key" in found["note"]


def test_a_key_that_is_not_there_brings_those_that_are() -> None:
    found = answer(Scored(RULES, remembering("mean")).at(1, host="a", x=1).clock(10), host="z")
    assert found["examples"] == [{"host": "a"}]
