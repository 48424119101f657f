"""How many random projects the laws take: few in CI, STREAMWATCHD_LAW_EXAMPLES of them in a campaign (`make laws`)."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings
from hypothesis.database import DirectoryBasedExampleDatabase

_WANTED = int(os.environ.get("STREAMWATCHD_LAW_EXAMPLES", "0"))
_CHECKS = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)
_SUITE = settings(
    max_examples=10,
    suppress_health_check=_CHECKS,
    phases=(Phase.explicit, Phase.generate),  # shrinking is for campaigns: it runs for minutes
)
_CAMPAIGN = settings(
    max_examples=max(_WANTED, 1),
    derandomize=False,
    suppress_health_check=_CHECKS,
    database=DirectoryBasedExampleDatabase(".hypothesis/examples"),
)
EXAMPLES = _CAMPAIGN if _WANTED else _SUITE
"""Decorates every law: whoever imports one from elsewhere has it as it is here."""
