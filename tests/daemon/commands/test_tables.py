"""`tables`: those in force, with age and fetches."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from streamwatchd.enrichment.store import canonical_table
from tests.daemon.commands.setting import Setting


def test_a_fetched_table_says_how_often_it_was_and_was_not() -> None:
    """A file's age is that of its file."""
    setting = Setting()
    data = {name: canonical_table(name, "k", ["a", "b"], {}) for name in ("devices", "sites")}
    store = SimpleNamespace(versions=setting.store.versions, content=lambda digest: SimpleNamespace(tables=data))
    object.__setattr__(setting.context, "store", cast(Any, store))
    setting.metrics.put("table_age_seconds", 5.0, (("file", "devices.ndjson"),))
    setting.metrics.put("table_age_seconds", 9.0, (("file", "sites.csv"),))
    setting.metrics.add("table_fetches_total", 2, (("outcome", "ok"), ("table", "devices")))
    found = {each["table"]: each for each in setting.run("tables")["tables"]}
    assert (found["devices"]["age_seconds"], found["devices"]["fetches"]) == (5.0, {"ok": 2, "failed": 0})
    assert (found["sites"]["age_seconds"], found["sites"]["fetches"], found["sites"]["rows"]) == (9.0, None, 2)
