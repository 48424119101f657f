"""Sequences over several sources: what travels, and in what form."""

from __future__ import annotations

from pathlib import Path

from streamwatchd.lang.typed import Literal
from streamwatchd.plan.rules import build
from streamwatchd.rules.loader import load
from tests.plan.small import CONFIG

RULE = """
source: web
rules:
  - alarm: both
    by: shop
    where: page != "health"
    sequence: [{mail: size > 5}, status >= 500]
    within: 10m
    message: "{shop}: {page}"
"""


def test_rows_of_all_sources_come_in_one_form(tmp_path: Path) -> None:
    """Each says what it meets; `where` and the message are of the rule's own source."""
    (tmp_path / "rules.d").mkdir()
    (tmp_path / "streamwatchd.yaml").write_text(CONFIG)
    (tmp_path / "rules.d" / "a.yaml").write_text(RULE)
    loaded = load(tmp_path / "streamwatchd.yaml")
    assert [each.message for each in loaded.diagnostics if each.is_error] == []
    plan = build(loaded.ruleset)
    (web,), (mail,) = plan.first["web"].feeds, plan.first["mail"].feeds
    assert [column.name for column in web.columns] == [column.name for column in mail.columns]
    assert web.route == mail.route == ("by shop",)
    columns = [{column.name: column.expr for column in feed.columns} for feed in (web, mail)]
    constant = [[name for name in ("page", "step 0", "step 1") if isinstance(each[name], Literal)] for each in columns]
    assert constant == [["step 0"], ["page", "step 1"]]
    (spec,) = plan.later[0].row_alarms
    assert spec.sequence is not None
    assert {spec.stream, *spec.sequence.also} == {web.name, mail.name}
    assert set(plan.later[0].inputs) == {"web", "mail"}
