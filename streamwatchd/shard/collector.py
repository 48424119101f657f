"""Python's garbage collector, told how this process lives."""

from __future__ import annotations

import gc


def collect_rarely() -> None:
    """For a process that is about to evaluate records, once all is imported.

    Thousands of records come and go at a time and hold no cycles: looking for some every 700 objects is in vain.
    """
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)
