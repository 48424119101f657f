"""The fields of a rules file, each declared once."""

from __future__ import annotations

from dataclasses import replace

from streamwatchd.fields import (
    IDENTIFIER,
    Choice,
    Duration,
    Either,
    Expression,
    Field,
    Integer,
    ListOf,
    MapOf,
    Name,
    Raw,
    Record,
    Records,
    Text,
    Truth,
)
from streamwatchd.rules.foreign_names import OF_FILES, foreign_names
from streamwatchd.rules.ruleset import SEVERITIES

_NAMES = ListOf(Name("a name"), or_one=True)
_KEYS = ListOf(Name("a field name", dotted=True), or_one=True)
_CONDITION = Expression("a condition")
_EXPRESSION = Expression("an expression")
_LABELS = MapOf(Text("a text"), Text("a label"), clearable=True)

SHARED = (
    Field(
        "source",
        _NAMES,
        "The stream that is read: a source or a KPI; several KPIs are joined on their keys.",
        "metrics",
    ),
    Field("every", Duration(), "The step: the rule is judged at each multiple of it, in event time.", "10s"),
    Field("labels", _LABELS, "Texts that go along with each alert and KPI row.", "{team: noc}"),
    Field(
        "params",
        MapOf(Text("a constant"), Name("a name"), clearable=True),
        "Constants by name (numbers with their unit, texts) for conditions, values and messages; a rule's own take the "
        "place of those of its file.",
        "{limit: 85%}",
    ),
    Field(
        "timezone",
        Text("a time zone"),
        "The zone of `at:`, and of the days of KPIs whose `every:` is whole days. Other windows are aligned to UTC.",
        "Europe/Berlin",
        default="UTC",
    ),
)
_COMMON = (
    *SHARED,
    Field(
        "extends",
        Name("a name"),
        "A rule or a base of the same kind, in any file, of which this one takes over what it does not say itself.",
        "cpu_high",
    ),
    Field(
        "mode",
        Choice(("live", "shadow")),
        "`shadow` writes what comes of the rule to `topics.shadow`, and nowhere else; `swctl shadow` reports.",
        "shadow",
        default="live",
    ),
    Field("by", _KEYS, "The keys: each value has its own state. Fields, or columns of joined tables.", "[host, mount]"),
    Field("where", _EXPRESSION, "Keeps only the events for which this is true.", 'role == "critical"'),
    Field(
        "values",
        MapOf(_EXPRESSION, Name("a name"), clearable=True),
        "Named results, in order; later ones may use earlier ones.",
        "{cpu5: avg(cpu over 5m)}",
    ),
    Field(
        "max_keys",
        Integer(1, 100_000_000),
        "Most keys in a task; further ones are counted together.",
        "100000",
        default="1000000",
    ),
    Field(
        "forget",
        Duration(86_400_000),
        "A key without events for so long is forgotten; at least 24h.",
        "48h",
        default="24h",
    ),
    Field(
        "late",
        Choice(("drop", "amend")),
        "`amend` judges closed windows again when late events come.",
        "amend",
        default="drop",
    ),
    Field(
        "amend_for",
        Duration(),
        "How long after its end a window is judged again when late events come.",
        "1h",
        default="1h",
    ),
)

ALARM = Record(
    "an alarm",
    (
        Field("alarm", Name("a name"), "The name of the alarm.", "cpu_high", required=True),
        *_COMMON,
        Field(
            "when",
            _CONDITION,
            "The condition: `C for D until C for D`; all but the first part optional.",
            "cpu5 > 85% for 5m",
        ),
        Field(
            "levels",
            MapOf(_CONDITION, Choice(SEVERITIES), clearable=True),
            "A condition for each severity, in place of `when`.",
            "{critical: used > 95%}",
        ),
        Field("severity", Choice(SEVERITIES), "The severity of `when`.", "critical", default="warning"),
        Field(
            "keep_firing_for",
            Duration(),
            "Clear only once the condition has been false for so long, in levels without `until`.",
            "5m",
        ),
        Field(
            "no_data",
            Text("keep, or `alert after D`, or `resolve after D`"),
            "What silence of a key means.",
            "alert after 10m",
            default="keep",
        ),
        Field(
            "message",
            Expression("a message"),
            "The text of the alert, with `{value}` placeholders.",
            '"CPU {cpu5} on {host}"',
        ),
        Field(
            "runbook",
            Text("an address"),
            "Where the people who are called find what to do.",
            "https://runbooks.example/cpu",
        ),
        Field("partial", Truth(), "true judges windows that begin before the key was known.", "true", default="false"),
        Field("min_history", Duration(), "Judge a key once it has been known for so long.", "6h"),
        Field(
            "max_active",
            Integer(1, 10_000_000),
            "Most alerts at once in a task; the rest fold into one `storm`.",
            "1000",
            default="10000",
        ),
        Field(
            "limit",
            Text("a number a minute, such as `60/m`", r"[1-9][0-9]{0,8}/m"),
            "Most occurrences a minute; the rest are counted in one.",
            "60/m",
        ),
        Field(
            "in_order",
            Truth(),
            "true judges single events in order of event time, behind the watermark.",
            "true",
            default="false",
        ),
        Field(
            "unless",
            _EXPRESSION,
            "While it is true nobody is notified: `firing(rule)`, `during(calendar)`.",
            "firing(site_down) or during(core_maintenance)",
        ),
        Field(
            "pause",
            _EXPRESSION,
            "While it is true the rule is not judged: what is up stays up, and holds begin anew afterwards.",
            "during(core_maintenance)",
        ),
        Field(
            "repeat",
            Text("a duration, or `D up to D`", r"\S+( +up +to +\S+)?"),
            "An alarm that goes on is told again so often; with `up to` after ever longer waits.",
            "30m up to 4h",
        ),
        Field(
            "flapping",
            Text(
                "`N changes in D`, `N changes in D until M`, or `off`",
                r"off|[1-9]\d{0,3} +changes +in +\S+( +until +\d{1,4})?",
            ),
            "A key whose alarm fires and resolves so often is told of once, as `flapping`, until it has calmed down.",
            "6 changes in 30m until 2",
        ),
        Field(
            "expect",
            _EXPRESSION,
            "A table, or `TABLE where C`: its rows are the keys of the rule, from the first second on.",
            'devices where role == "edge"',
        ),
        Field(
            "sequence",
            ListOf(Either((_EXPRESSION, MapOf(_EXPRESSION, Name("a source"))))),
            "In place of `when`: what events of a key meet one after the other, or, with a last `not …`, then don't. "
            "`source: C` is an event of another source.",
            '[event == "link_flap", event == "link_down"]',
        ),
        Field("within", Duration(), "How long a sequence may take.", "10m"),
        Field(
            "until", _EXPRESSION, "The event that ends the alarm of a sequence; without it has no end.", 'event == "up"'
        ),
        Field(
            "at",
            ListOf(Text("a time of the day"), or_one=True),
            "Clock times to judge at, in `timezone:`, in place of `every:`.",
            '"06:00"',
        ),
    ),
    "A condition that raises, holds and clears per key.",
)

KPI = Record(
    "a KPI",
    (
        Field(
            "kpi",
            Name("a name"),
            "The name of the KPI; other rules read it as a source.",
            "transactions",
            required=True,
        ),
        *_COMMON,
        Field("over", Duration(), "The length of the window; `every` if not given.", "5m"),
        Field("session", Duration(), "A window that ends after so long without an event of the key.", "30s"),
        Field("when", _EXPRESSION, "Only rows for which this is true are written.", "total > 0"),
        Field(
            "top",
            Text("a number and a value, such as `5 by failed`", r"[1-9]\d{0,5} +by +\w+( +until +[1-9]\d{0,5})?"),
            "Only so many keys with the greatest value are written; with `until 8` who is in stays in down to rank 8.",
            "5 by failed until 8",
        ),
    ),
    "Values per key and window: one row for each that holds an event.",
)

_OF_ALARMS = (
    "when",
    "levels",
    "severity",
    "keep_firing_for",
    "no_data",
    "message",
    "runbook",
    "max_active",
    "unless",
    "pause",
    "repeat",
    "flapping",
)

ANOMALY = Record(
    "an anomaly rule",
    (
        Field(
            "anomaly",
            Name("a name"),
            "The name of the rule; other rules read its scored rows as a source.",
            "odd_mix",
            required=True,
        ),
        *(field for field in _COMMON if field.name not in ("late", "amend_for")),
        Field(
            "model",
            Text("the name of a model, or `name@version`", rf"{IDENTIFIER}(@[1-9][0-9]{{0,8}})?"),
            "The model that scores: its newest good version, or the one that `@` pins.",
            "service_mix",
            required=True,
        ),
        Field(
            "features",
            ListOf(Name("a name"), or_one=True),
            "What the model looks at, in the order of its training: values, or columns of the KPI that is read.",
            "[avg_latency, error_rate]",
            required=True,
        ),
        Field(
            "missing",
            Choice(("skip", "center")),
            "Where a feature is null: `skip` gives no score, `center` takes the middle of what was trained on.",
            "center",
            default="skip",
        ),
        *(
            replace(field, example="score > 0.95") if field.name == "when" else field
            for field in ALARM.fields
            if field.name in _OF_ALARMS
        ),
    ),
    "Rows of values, each scored by a model: how odd they are, from 0 to 1.",
)

ALARM, KPI, ANOMALY = (
    replace(
        each,
        fields=tuple(replace(field, clearable=number > 0) for number, field in enumerate(each.fields)),
        elsewhere=foreign_names(each.names),
    )
    for each in (ALARM, KPI, ANOMALY)
)
RULE = Records({"alarm": ALARM, "kpi": KPI, "anomaly": ANOMALY})

_NEEDS = Field(
    "needs",
    ListOf(Name("the name of a parameter"), or_one=True),
    "Parameters that a rule that extends this base must be given: by itself, its file or `shared.yaml`.",
    "[limit]",
)
BASE = Records(
    {
        head: replace(
            each,
            what=f"a base of {each.what}",
            fields=(*(replace(field, required=field.name == head) for field in each.fields), _NEEDS),
        )
        for head, each in RULE.records.items()
    }
)
"""What is never run: only rules that extend it are."""

_AT_THE_TOP = "it stands at the top of the file by itself: take it out of `defaults:`, to the beginning of its line"
DEFAULTS = Record(
    "`defaults:`",
    tuple(
        {
            field.name: replace(field, required=False)
            for each in RULE.records.values()
            for field in each.fields
            if field.name not in (*RULE.records, "extends", *(above.name for above in SHARED))
        }.values()
    ),
    "What rules say unless they say otherwise: a rule takes the fields that its kind has.",
    {**foreign_names(ALARM.names), **{field.name: _AT_THE_TOP for field in SHARED}},
)

_BELOW = {
    field.name: "rules say that: write it in them, or for all of them below `defaults:`" for field in DEFAULTS.fields
}
_WORDS = (
    *(replace(field, clearable=True) for field in SHARED),
    Field(
        "defaults",
        DEFAULTS,
        "What the rules of this file say unless they say otherwise; each takes the fields that its kind has.",
        "{severity: major, no_data: alert after 10m}",
        clearable=True,
    ),
    Field(
        "bases",
        ListOf(BASE),
        "Rules that are not run: what they say is for the rules, of any file, that extend them.",
        "[{alarm: busy, by: host}]",
    ),
)

FILE = Record(
    "a rules file",
    (
        *_WORDS,
        Field("rules", ListOf(RULE), "The rules, in order; a file has these or `bases:`, or both."),
        Field("tests", Raw("a list of tests"), "Tests of these rules; `swctl test-rule` runs them."),
    ),
    "A file of rules.d/: common fields, then the rules.",
    {**_BELOW, **OF_FILES},
    either=("rules", "bases"),
)

_OWN_FILE = "it holds what the rules of all files take over; write rules into a file beside it"
SHARED_FILE = Record(
    "shared.yaml",
    tuple(replace(field, doc=field.doc.replace("of this file", "of all files")) for field in _WORDS),
    "One file beside the rules, whose words hold for the rules of all files that do not say otherwise.",
    {**_BELOW, **OF_FILES, "rules": _OWN_FILE, "tests": _OWN_FILE},
)
