"""What people of other systems write in a rule, and what it is called here."""

from __future__ import annotations

from collections.abc import Collection, Mapping

_PLAIN = {
    "by": "group_by groupby groupBy per keys dimensions",
    "every": "interval frequency step evaluation_interval schedule",
    "labels": "tags",
    "message": "summary description text title",
    "runbook": "runbook_url",
    "severity": "priority level",
    "values": "aggregations aggregation metrics",
    "when": "expr expression query condition conditions if trigger",
    "where": "filter filters match matchers",
}
"""Fields, and their names elsewhere."""

_PARTS = {
    "annotations": ("message", "write its texts as `message:`, and a link as `runbook:`"),
    "abstract": ("extends", "move the rule into the list `bases`: what stands there is not run"),
    "template": ("extends", "write it into the list `bases`, and `extends:` its name"),
    "inherits": ("extends", "write `extends:`"),
    "needs": ("extends", "bases have that: move the rule into the list `bases`, or take it out"),
    "enabled": ("mode", "take the rule out, or put it on trial: `mode: shadow`"),
    "disabled": ("mode", "take the rule out, or put it on trial: `mode: shadow`"),
    "for": ("levels", "it is part of the condition: `when: C for 5m`"),
    "recovery": ("levels", "it is part of the condition: `when: C until C`"),
    "threshold": ("levels", "it is part of the condition: `when: avg(x over 5m) > 5`"),
    "resolve": ("levels", "it is part of the condition: `when: C until C`"),
}
"""What is said in another way: the field with which a record has that way."""


def foreign_names(known: Collection[str]) -> Mapping[str, str]:
    """Name → the way out, for a record with these fields."""
    found = {name: f"write `{field}:`" for field, names in _PLAIN.items() if field in known for name in names.split()}
    found |= {name: hint for name, (field, hint) in _PARTS.items() if field in known}
    if "over" in known:
        found["window"] = "write `over:` for the length of the window; `every:` is its step"
    elif "when" in known:
        found["window"] = "it stands in the aggregate: `when: avg(x over 5m) > 5`"
    return {name: hint for name, hint in found.items() if name not in known}


OF_FILES = {
    "groups": "a file has one list of rules: `rules:`, each with `alarm:`, `when:` and `by:`",
    "alarms": "write `rules:`, and in it `- alarm: name`",
    "alerts": "write `rules:`, and in it `- alarm: name`",
    "kpis": "write `rules:`, and in it `- kpi: name`",
    "sources": "sources stand in streamwatchd.yaml",
    "interval": "write `every:`",
    **dict.fromkeys(
        ("include", "includes", "import", "imports", "extends"),
        "nothing needs to be: `extends:` in a rule names rules and bases of all files; what `shared.yaml` says holds "
        "for all",
    ),
    **dict.fromkeys(("templates", "base"), "write `bases:`"),
    **dict.fromkeys(("variables", "vars", "constants", "parameters"), "write `params:`"),
}

OF_SOURCES = {
    name: f"write `{field}:`"
    for field, names in {
        "max_delay": "lateness allowed_lateness out_of_orderness watermark watermark_delay grace delay",
        "fields": "schema columns types",
        "time": "timestamp timestamp_field time_field event_time ts",
        "topic": "topics name",
        "format": "type codec",
        "idle_after": "idleness idle_timeout",
    }.items()
    for name in names.split()
}

OF_SETTINGS = {
    **dict.fromkeys(
        ("bootstrap_servers", "bootstrap", "brokers", "servers"),
        'write `kafka: {bootstrap.servers: "host:9092"}`',
    ),
    "outputs": "write `topics:`, such as `{alerts: my.alerts}`",
    "sinks": "write `topics:`, such as `{alerts: my.alerts}`",
    "group_id": "write `app:`, from which the consumer group has its name",
    "rules": "rules stand in files of `rules_dir:`",
    "tables": "tables stand in files of `enrichment_dir:`",
    "workers": "write `shards:`",
    "parallelism": "write `shards:`",
}

OF_TESTS = {
    **dict.fromkeys(("input", "inputs", "input_series", "given", "when", "timeline"), "write `events:`"),
    **dict.fromkeys(("expected", "then", "output", "outputs", "alerts", "exp_alerts"), "write `expect:`"),
    **dict.fromkeys(("title", "test", "it"), "write `name:`"),
    "interval": "write `step:` in the rows of `events:`",
}
