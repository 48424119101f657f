"""How many random projects the laws take: few in CI, STREAMWATCHD_LAW_EXAMPLES of them in a campaign (`make laws`)."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

_CHECKS = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)
settings.register_profile(
    "ci",
    max_examples=10,
    deadline=None,
    derandomize=True,
    suppress_health_check=_CHECKS,
    database=None,
    phases=(Phase.explicit, Phase.generate),  # shrinking is for campaigns: it runs for minutes
)
_EXAMPLES = int(os.environ.get("STREAMWATCHD_LAW_EXAMPLES", "0"))
settings.register_profile("campaign", max_examples=max(_EXAMPLES, 1), deadline=None, suppress_health_check=_CHECKS)
settings.load_profile("campaign" if _EXAMPLES else "ci")
