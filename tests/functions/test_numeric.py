"""What numeric functions share."""

from __future__ import annotations

import numpy as np

from streamwatchd.functions._numeric import finite


def test_what_is_no_number_is_null() -> None:
    """Infinite and undefined results become NaN, without a warning; arguments stay."""
    given = np.array([1.0, 0.0, -1.0])
    assert np.array_equal(finite(np.log, given), [0.0, np.nan, np.nan], equal_nan=True)
    assert given.tolist() == [1.0, 0.0, -1.0]
