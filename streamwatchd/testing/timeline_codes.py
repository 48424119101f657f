"""Every diagnostic of tests of rules: SW5xx."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

BAD_SERIES = "SW501"
SERIES_LENGTHS = "SW502"
BAD_INSTANT = "SW503"
UNKNOWN_RULE = "SW504"
UNKNOWN_RULES_FILE = "SW505"
UNKNOWN_EVENT_SOURCE = "SW506"
UNKNOWN_EVENT_FIELD = "SW507"
BAD_TABLE_ROWS = "SW508"
BAD_EXPECTATION = "SW509"
NO_EXPECTATION = "SW510"
BAD_EVENT = "SW511"
BAD_CHANGE = "SW512"

TITLES: Mapping[str, str] = MappingProxyType(
    {
        BAD_SERIES: "a series of samples that can't be read",
        SERIES_LENGTHS: "series of different lengths in one row",
        BAD_INSTANT: "a time that is neither a duration after the start nor ISO-8601",
        UNKNOWN_RULE: "an expectation names a rule that the test does not load",
        UNKNOWN_RULES_FILE: "`rules` names a file that is none of the project's rules files",
        UNKNOWN_EVENT_SOURCE: "an event of a source that does not exist",
        UNKNOWN_EVENT_FIELD: "a field of an event that looks like another",
        BAD_TABLE_ROWS: "rows that do not fit their table",
        BAD_EXPECTATION: "an expectation that can't be met by any output",
        NO_EXPECTATION: "a test that expects nothing",
        BAD_EVENT: "a row of a timeline that is no event and no verb",
        BAD_CHANGE: "a `reload`, `silence` or `ack` of a timeline after which the rules do not check",
    }
)
