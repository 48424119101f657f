"""A grid for numbers that come out of logarithms, powers and sines, whose last bits differ between machines.

On it they are the same everywhere, so a key's scores and state mean the same on whatever host it goes on.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

GRID = 2.0**32
"""Points in one."""


def settled(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """On the nearest point; what is not finite stays."""
    rounded: npt.NDArray[np.float64] = np.round(values * GRID) / GRID
    return rounded
