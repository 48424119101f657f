"""What numeric functions of one argument share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from streamwatchd.batch import Numbers
from streamwatchd.lang.signatures import Parameter, ResultRule, Signature
from streamwatchd.lang.typed import Kind


def of_number(name: str, result: ResultRule) -> Signature:
    """The signature of a function of one number."""
    return Signature(name, (Parameter("x", Kind.NUMBER),), result)


def finite(compute: Callable[..., Numbers], *columns: Numbers) -> Numbers:
    """The result with null for what is undefined or too large for a number."""
    with np.errstate(all="ignore"):
        found = compute(*columns)
    found[~np.isfinite(found)] = np.nan
    return found
