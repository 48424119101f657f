"""What versions ask for, and until when it is kept."""

from __future__ import annotations

from streamwatchd.operators.asking import (
    BEGINNING,
    FOREVER,
    GRACE_MS,
    MOST_ASKS,
    Ask,
    Life,
    StageAsk,
    asked_anew,
    asks_of_families,
    grace_ends,
    lives,
    table_of,
    united,
)
from streamwatchd.operators.spec import Accumulation, FamilySpec, TableSpec
from streamwatchd.operators.stage_spec import StageSpec

COUNT = Accumulation("count", "rows", None, None)
EMPTY = StageSpec(1, ("m",), (), {})


def family(*tables: TableSpec, admits: tuple[frozenset[str], ...] = (), meaning: str = "") -> FamilySpec:
    return FamilySpec("f", "m", meaning, (), None, admits, tables, False, (), None, 0)


def stage(*families: FamilySpec) -> StageSpec:
    return StageSpec(1, ("m",), (), {}, families=families)


def test_the_version_before_has_a_grace() -> None:
    """And of many in quick succession the oldest loses it."""
    asks = asked_anew([StageAsk(BEGINNING, FOREVER, EMPTY)], 1_000, EMPTY)
    assert [(ask.from_ms, ask.until_ms) for ask in asks] == [(BEGINNING, 1_000 + GRACE_MS), (1_000, FOREVER)]
    for number in range(2, MOST_ASKS + 2):
        asks = asked_anew(asks, 1_000 * number, EMPTY)
    assert asks[0].until_ms == 1_000 * (MOST_ASKS + 1)
    assert asks[1].until_ms == 2_000 + GRACE_MS


def test_a_shard_keeps_a_version_as_long_as_its_tasks_do() -> None:
    """The same instants by the numbers of versions."""
    assert grace_ends([BEGINNING, 1_000]) == 1_000 + GRACE_MS
    assert grace_ends([BEGINNING, *range(1_000, 1_000 * (MOST_ASKS + 2), 1_000)]) == 1_000 * (MOST_ASKS + 1)


def test_rows_of_a_kpi_that_is_gone_have_no_grace() -> None:
    """Nobody makes them any more."""
    for meaning, until in (("", 1_000 + GRACE_MS), ("kpi:1", 1_000)):
        asks = asked_anew([StageAsk(BEGINNING, FOREVER, stage(family(meaning=meaning)))], 1_000, EMPTY)
        assert [ask.until_ms for ask in asks_of_families(asks)["f"]] == [until]


def test_united_is_what_all_asks_want() -> None:
    """Every table with the longest reach, as the newest has it otherwise."""
    old = family(TableSpec(1_000, 0, 60_000, (COUNT,)), TableSpec(5_000, 1_000, 9_000, (COUNT,)))
    new = family(TableSpec(1_000, 0, 10_000, (COUNT,)))
    both = united([Ask(0, 10, old), Ask(5, FOREVER, new)])
    assert [(table.width_ms, table.retention_ms) for table in both.tables] == [(1_000, 60_000), (5_000, 9_000)]
    assert table_of(both, 5_000) is not None
    assert table_of(new, 5_000) is None


def test_constants_count_while_a_version_asks_for_them() -> None:
    """Stretches that touch and admit the same are one."""
    one, two = (frozenset({"a"}),), (frozenset({"b"}),)
    asks = [
        Ask(BEGINNING, 20, family(admits=one)),
        Ask(10, 30, family(admits=two)),
        Ask(15, FOREVER, family(admits=one)),
    ]
    assert lives(asks) == [Life(BEGINNING, FOREVER, one), Life(10, 30, two)]
