"""Series of samples in one text."""

from __future__ import annotations

import pytest

from streamwatchd.testing.timeline_series import first_wrong, is_series, looks_like_texts, samples


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("82x3", [82, 82, 82]),
        ("1+1x4", [1, 2, 3, 4]),
        ("10-2.5x3", [10, 7.5, 5.0]),
        ("-5+-1x2 _", None),
        ("0.1+0.1x3", [0.1, 0.2, 0.3]),
        ("1x2 _x2 3", [1, 1, None, None, 3]),
        ("7 8 9", [7, 8, 9]),
        ("truex2 false", [True, True, False]),
        ("1e3x2", [1000.0, 1000.0]),
    ],
)
def test_a_series_is_read_sample_by_sample(text: str, expected: list[object] | None) -> None:
    """Holds, ramps, gaps and single samples; None marks a gap, and what is no series raises."""
    if expected is None:
        assert not is_series(text)
        with pytest.raises(ValueError, match="no part of a series"):
            samples(text)
    else:
        assert is_series(text)
        assert samples(text) == expected


@pytest.mark.parametrize("text", ["billing", "edge-01:ge0", "5", "1+1", "", "x5", "4x", "linux2 7"])
def test_other_texts_are_single_values(text: str) -> None:
    """A name with an x in it stays a name, and one number is one value."""
    assert not is_series(text)


def test_the_word_that_is_wrong_is_named() -> None:
    """For the diagnostic."""
    assert first_wrong("82x12 96y4 5") == "96y4"
    assert first_wrong("82x12") is None


@pytest.mark.parametrize("text", ["5x0", "5x100001", "5x60000 5x60000"])
def test_no_samples_and_too_many_are_refused(text: str) -> None:
    """A slip of the finger must not fill the memory."""
    with pytest.raises(ValueError, match="not between"):
        samples(text)


def test_texts_that_somebody_may_have_meant_as_a_series() -> None:
    """Each word is a text and how often; a sentence is none."""
    assert [looks_like_texts(text) for text in ("u1x3 u2x3", "ax2 _ bx1", "200x3 500x3")] == [True] * 3
    assert [looks_like_texts(text) for text in ("5x3", "linux2 seven", "a b", "GET /x1", "")] == [False] * 5
