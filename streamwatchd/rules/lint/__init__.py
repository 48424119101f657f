"""The shelf of checks of `swctl lint`: one file each, named as it is ignored."""

from streamwatchd.registry import Shelf
from streamwatchd.rules.lint._check import Check

CHECKS: Shelf[Check] = Shelf(__name__, __path__, Check)
