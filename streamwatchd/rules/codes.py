"""Every diagnostic of the files' own form and meaning: SW3xx YAML and rules, SW4xx settings, sources, tables.

SW1xx and SW2xx belong to expressions and are listed in `lang/`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

# Reading a file
UNREADABLE = "SW300"
NOT_A_FILE = "SW301"
TOO_LARGE = "SW302"
NOT_UTF8 = "SW303"
CONTROL_CHARACTER = "SW304"
BYTE_ORDER_MARK = "SW305"
EMPTY = "SW306"
SYNTAX = "SW307"
CUT_SHORT = "SW308"
TOO_DEEP = "SW309"
ALIASES = "SW310"
TAG = "SW311"
DUPLICATE_KEY = "SW312"
KEY_NOT_TEXT = "SW313"
SECOND_DOCUMENT = "SW314"
MERGE_KEY = "SW315"
NOT_A_MAPPING = "SW316"
NO_FINAL_NEWLINE = "SW317"
TAB = "SW318"
LOOK_ALIKE = "SW319"
# What YAML cuts or changes
COLON_CUT = "SW320"
HASH_CUT = "SW321"
LEADING_INDICATOR = "SW322"
TRUTH_WORD = "SW323"
AMBIGUOUS_NUMBER = "SW324"
CLOCK_TIME = "SW325"
QUOTED_PART = "SW326"
CUTS = (COLON_CUT, LEADING_INDICATOR, QUOTED_PART)
"""Values that YAML cuts or swallows: quotes around the whole mend them."""
# Fields
UNKNOWN_FIELD = "SW330"
MISSING_FIELD = "SW331"
WRONG_TYPE = "SW332"
BAD_NAME = "SW333"
BAD_DURATION = "SW334"
BAD_CHOICE = "SW335"
OUT_OF_RANGE = "SW336"
EXCLUSIVE_FIELDS = "SW337"
NOT_SUPPORTED_YET = "SW338"
# Rules
NAME_TAKEN = "SW340"
UNKNOWN_SOURCE = "SW341"
KPI_CYCLE = "SW342"
UNKNOWN_KEY = "SW343"
NO_AGGREGATE = "SW344"
NO_STEP = "SW345"
WINDOW_STEP = "SW346"
UNJOINABLE = "SW347"
READ_ELSEWHERE = "SW348"
WINDOWLESS_FIELD = "SW349"
COSTLY_WINDOW = "SW350"
AGGREGATE_IN_WHEN = "SW351"
FIELD_CONFLICT = "SW352"
BAD_FEATURE = "SW353"
UNEXPECTED_KEYS = "SW354"
BAD_UNLESS = "SW355"
# Models, which are told of and refuse no file
BAD_EXTENDS = "SW356"
NOTHING_TAKEN_BACK = "SW357"
PARAMETER_NEEDED = "SW358"
SHARED_REFUSED = "SW359"
MODEL_MISSING = "SW360"
MODEL_REJECTED = "SW361"
MODEL_UNFIT = "SW362"
MODEL_STEP = "SW363"
OF_MODELS = frozenset((MODEL_MISSING, MODEL_REJECTED, MODEL_UNFIT, MODEL_STEP))
"""The rules that name the model go on: with an older version, or without a score."""
# Settings and sources
UNKNOWN_OPTION = "SW401"
FORBIDDEN_OPTION = "SW402"
ENVIRONMENT_UNSET = "SW403"
ENVIRONMENT_FORM = "SW404"
BAD_ADDRESS = "SW405"
NO_FOLDER = "SW406"
UNKNOWN_TABLE = "SW407"
SPECIAL_FIELD = "SW408"
BAD_UNIT = "SW409"
BAD_SHARE = "SW411"
DROP_READS_TABLE = "SW412"
# Tables
TABLE_TAKEN = "SW420"
TABLE_UNREADABLE = "SW421"
UNKNOWN_COLUMN = "SW422"
COLUMN_TYPE = "SW423"
TABLE_UNFETCHED = "SW424"
# Calendars
CALENDAR_TAKEN = "SW430"
CALENDAR_UNREADABLE = "SW431"
BAD_TIME = "SW432"
# Silences
BAD_SILENCE = "SW433"

TITLES: Mapping[str, str] = MappingProxyType(
    {
        UNREADABLE: "the file can't be read",
        NOT_A_FILE: "a folder or device stands where a file should",
        TOO_LARGE: "the file is too large",
        NOT_UTF8: "the file is not UTF-8",
        CONTROL_CHARACTER: "a control character, such as NUL, in the file",
        BYTE_ORDER_MARK: "the file starts with a byte order mark",
        EMPTY: "the file is empty",
        SYNTAX: "the file is not YAML",
        CUT_SHORT: "the file ends in the middle of a value",
        TOO_DEEP: "values are nested too deeply",
        ALIASES: "an alias (`*name`) that is unknown, contains itself, or repeats too much",
        TAG: "a YAML tag (`!word`)",
        DUPLICATE_KEY: "a key is written twice",
        KEY_NOT_TEXT: "a key is not a plain word",
        SECOND_DOCUMENT: "a second YAML document in one file",
        MERGE_KEY: "the merge key `<<` of YAML 1.1",
        NOT_A_MAPPING: "the file is a list or a single value",
        NO_FINAL_NEWLINE: "the last line has no end: the file may be half-written",
        TAB: "a tab in the indentation",
        LOOK_ALIKE: "a file that is named almost like `shared.yaml`",
        COLON_CUT: "an unquoted `: ` that YAML reads as a key",
        HASH_CUT: "an unquoted ` #` that YAML reads as a comment",
        LEADING_INDICATOR: "a first character that YAML takes for itself",
        TRUTH_WORD: "`on`, `off`, `yes` or `no` without quotes",
        AMBIGUOUS_NUMBER: "a number that tools of YAML 1.1 read otherwise",
        CLOCK_TIME: "a clock time without quotes",
        QUOTED_PART: "a value that starts with a quoted part",
        UNKNOWN_FIELD: "a field that does not exist",
        MISSING_FIELD: "a required field is missing",
        WRONG_TYPE: "a field has a value of the wrong form",
        BAD_NAME: "a name that is not an identifier",
        BAD_DURATION: "a duration that can't be read",
        BAD_CHOICE: "a word that is not among the choices",
        OUT_OF_RANGE: "a number out of its range",
        EXCLUSIVE_FIELDS: "two fields that exclude each other",
        NOT_SUPPORTED_YET: "a part of the language that is not built yet",
        NAME_TAKEN: "a name is defined twice",
        UNKNOWN_SOURCE: "no source or KPI has this name",
        KPI_CYCLE: "KPIs that read each other in a circle",
        UNKNOWN_KEY: "a key of `by` that the source does not have",
        NO_AGGREGATE: "a KPI value without an aggregate",
        NO_STEP: "a rule with windows and no `every`",
        WINDOW_STEP: "a window and a step that do not fit",
        UNJOINABLE: "sources that can't be joined",
        READ_ELSEWHERE: "something that another file reads was removed",
        WINDOWLESS_FIELD: "a field that does not fit a rule with, or without, windows",
        COSTLY_WINDOW: "a long window that costs much memory a key",
        AGGREGATE_IN_WHEN: "an aggregate in the `when` of a KPI",
        FIELD_CONFLICT: "an undeclared field that rules use as two kinds",
        BAD_FEATURE: "a feature that is no number of the scored row",
        UNEXPECTED_KEYS: "`expect` in a rule that can't expect keys",
        BAD_UNLESS: "an `unless` or `pause` that names nothing it can ask",
        BAD_EXTENDS: "an `extends` that names no rule or base of its kind",
        NOTHING_TAKEN_BACK: "a `null` where nothing is taken over",
        PARAMETER_NEEDED: "a base needs a parameter that nobody gives",
        SHARED_REFUSED: "files wait for a `shared.yaml` that is refused",
        MODEL_MISSING: "a model that is not in the repository",
        MODEL_REJECTED: "a version of a model that can't be trusted",
        MODEL_UNFIT: "a version of a model that was trained on other features",
        MODEL_STEP: "a version of a model that was trained on another step",
        UNKNOWN_OPTION: "a Kafka option that does not exist or is not passed on",
        FORBIDDEN_OPTION: "a Kafka option that is refused for safety",
        ENVIRONMENT_UNSET: "an environment variable is not set",
        ENVIRONMENT_FORM: "a `${…}` that can't be read",
        BAD_ADDRESS: "an address that is not host:port",
        NO_FOLDER: "a folder that does not exist",
        UNKNOWN_TABLE: "no table has this name",
        SPECIAL_FIELD: "a time, key or join field of an impossible type",
        BAD_UNIT: "a unit that does not exist",
        BAD_SHARE: "a share that is not within 0–100 %",
        DROP_READS_TABLE: "`drop` reads a table",
        TABLE_TAKEN: "two tables of one name",
        TABLE_UNREADABLE: "the data of a table can't be read",
        UNKNOWN_COLUMN: "a column that the table's data does not have",
        COLUMN_TYPE: "a default that does not fit its column",
        TABLE_UNFETCHED: "a table whose rows were never fetched",
        CALENDAR_TAKEN: "two calendars of one name",
        CALENDAR_UNREADABLE: "an iCalendar file that can't be read",
        BAD_TIME: "a time, a zone or a recurrence that can't be read",
        BAD_SILENCE: "a silence that mutes nothing, or has no end",
    }
)
