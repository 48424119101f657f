"""The vectors that an anomaly rule's model is given, from the rule's own plan: what training learns from.

    compiled = compile_project(config, models="")
    driver = Driver(compiled.program, compiled.loaded.tables, partitions)
    tap = Tap(driver, "odd_mix")
    …feed the driver, by a `Playback` or directly…
    for block in tap.take(): block.keys, block.times_ms, block.vectors

There is one row per key and instant, as in the stream, in the order in which each task judges: per task the instants
ascend; several tasks come in turn. No model is needed, and none that is there changes the vectors.
"""

from __future__ import annotations

from dataclasses import dataclass

from streamwatchd.batch import Numbers, Times, Value
from streamwatchd.operators.score import ScoreNode
from streamwatchd.plan.describe import describe
from streamwatchd.repository.manifest import Feature
from streamwatchd.rules.building import reach_ms
from streamwatchd.rules.ruleset import Anomaly, Kpi, Rule, RuleSet
from streamwatchd.testing.driver import Driver


@dataclass(frozen=True, slots=True)
class VectorBlock:
    """Rows of one instant in one task: `keys` in the order of `by`, `times_ms` (n,) the window's end − 1 ms, `vectors`
    (n, features) with NaN for null, before `missing:` is asked."""

    keys: list[tuple[Value, ...]]
    times_ms: Times
    vectors: Numbers


class Tap:
    """Hears the vectors of one anomaly rule in all tasks of a driver. Raises KeyError where no task has the rule."""

    def __init__(self, driver: Driver, rule: str) -> None:
        self._blocks: list[VectorBlock] = []
        nodes = [
            node
            for shard in driver.shards
            for task in shard.tasks.values()
            for node in task.flow.nodes.values()
            if isinstance(node, ScoreNode) and node.spec.name == rule
        ]
        if not nodes:
            raise KeyError(rule)
        for node in nodes:
            node.tap = self._hear

    def _hear(self, keys: list[tuple[Value, ...]], times_ms: Times, vectors: Numbers) -> None:
        self._blocks.append(VectorBlock(keys, times_ms, vectors))

    def take(self) -> list[VectorBlock]:
        """What came since the last call."""
        blocks, self._blocks = self._blocks, []
        return blocks


def anomaly_rule(rules: RuleSet, name: str) -> Anomaly:
    """Raises KeyError for a name that is no anomaly rule."""
    rule = rules.rule(name)
    if not isinstance(rule, Anomaly):
        raise KeyError(name)
    return rule


def width_ms(rules: RuleSet, rule: Rule) -> int:
    """How far a row of a rule looks back at most: its windows, or those of the KPIs that it reads. 0 for sessions."""
    match rule:
        case Kpi():
            return rule.over_ms
        case Anomaly(windowed=True):
            return reach_ms([value.expr for value in rule.values], rule.every_ms)
        case _:
            return max((width_ms(rules, rules.rule(source)) for source in rule.sources), default=0)


def features_of(rule: Anomaly) -> list[Feature]:
    """As the manifest of a model for this rule has them: names in order, units, and the text of each, for people."""
    exprs = {value.name: value.expr for value in rule.values}
    return [Feature(name, exprs[name].type.unit, describe(exprs[name])) for name in rule.features]
