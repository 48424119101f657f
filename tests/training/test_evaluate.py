"""Versions judged on a history whose odd stretches are known, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from streamwatchd.errors import UnreadableInput
from streamwatchd.repository.manifest import Feature
from streamwatchd.repository.store import ModelData
from streamwatchd.training.evaluate import Judged, check_fits, evaluate
from streamwatchd.training.history import history_of
from streamwatchd.training.spans import Span
from tests.models.stump import about, stump

MINUTE = 60_000
START = 1_767_571_200_000
MODEL = ModelData(about("mix", [Feature("x")]), stump(1, 0, 50.0), "evaluate")


def judged(odd: dict[str, list[int]], labels: list[Span], width_ms: int = MINUTE) -> Judged:
    """Two keys, an hour a row a minute; the rows that end at minute m of `odd` are above the model's threshold."""
    keys = [(key,) for _ in range(60) for key in ("a", "b")]
    ends = np.repeat(START + MINUTE * (1 + np.arange(60)), 2)
    vectors = np.array([[99.0 if minute in odd.get(key, ()) else 1.0] for minute in range(1, 61) for key in ("a", "b")])
    history = history_of(keys, ends, vectors)
    return evaluate(MODEL, history, ["host"], labels, width_ms, 0.95, lambda share: None)


def span(first: int, last: int, key: str | None = "a") -> Span:
    return Span(START + MINUTE * first, START + MINUTE * last, {} if key is None else {"host": key})


def test_alarms_are_told_from_cries() -> None:
    """One label found after three minutes, one missed; a's second alarm and b's are false."""
    found = judged({"a": [13, 14, 15, 40], "b": [13]}, [span(10, 20), span(50, 52)])
    assert (found.alarms, found.true_alarms, found.labels, found.found) == (3, 1, 2, 1)
    assert found.precision == pytest.approx(1 / 3)
    assert found.recall == 0.5
    assert found.delay_s == 180.0
    assert found.key_days * 1_440 == pytest.approx(120 - 10 - 2, abs=1)
    assert found.false_per_key_and_day == pytest.approx(2 / (108 / 1_440))


def test_a_label_is_met_by_every_window_that_looks_back_on_it() -> None:
    """A five-minute window that ends four minutes after the label still holds a minute of it."""
    late = {"a": [24]}
    assert judged(late, [span(10, 20)]).found == 0
    assert judged(late, [span(10, 20)], width_ms=5 * MINUTE).found == 1


def test_an_alarm_that_goes_on_is_one_and_counts_for_the_label_it_runs_into() -> None:
    """It began before: a cry, yet the stretch was seen."""
    found = judged({"a": list(range(5, 16))}, [span(10, 20)])
    assert (found.alarms, found.true_alarms, found.found) == (1, 0, 1)
    assert found.delay_s == 60.0


def test_labels_of_all_keys_and_of_none() -> None:
    """A label without a key is met by any; one of an unknown key is not asked for."""
    found = judged({"b": [12]}, [span(10, 20, None), span(10, 20, "c")])
    assert (found.labels, found.found, found.precision) == (1, 1, 1.0)
    quiet = judged({}, [])
    assert (quiet.precision, quiet.recall, quiet.delay_s, quiet.alarms) == (None, None, None, 0)
    assert quiet.promised_per_key_and_day == pytest.approx(1 / 7)
    assert dict(quiet.above)[0.95] == 0.0


def test_a_version_of_other_features_is_refused() -> None:
    with pytest.raises(UnreadableInput, match="mix@1 scores x, the rule has y"):
        check_fits(MODEL.manifest, ["y"])
