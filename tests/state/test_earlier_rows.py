"""Windows that are filled at a change meet the rows of tables that were in force then, whatever happened since.

The real engine: a table changes twice while calls come in, then there is a rule that joins it. What it counts is told
from the records themselves. Times are minutes: between the changes the versions before them are forgotten.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from streamwatchd.enrichment import table_history
from streamwatchd.ports.faults import Killed
from tests.state.traffic import HOSTS, START_MS, _call
from tests.state.world import PROJECT, World

ROLES = ("core edge edge core", "edge edge core core", "core core core edge")
"""Of the hosts, up to the first change, up to the second, and from there on."""
CHANGES = (20, 40)
RULE, END = 60, 90
CORES = "  - {{kpi: cores, by: host, where: role == 'core', every: 30m, over: {over}m, values: {{n: count()}}}}\n"


def project(folder: Path, roles: str, rule: str) -> Path:
    (folder / "rules.d").mkdir(parents=True)
    (folder / "enrichment.d").mkdir()
    for name in ("streamwatchd.yaml", "enrichment.d/fleet.yaml"):
        text, _, _ = (PROJECT / "before" / name).read_text().partition("  links:")  # a silent source keeps all versions
        (folder / name).write_text(text)
    rows = "".join(f"{host},north,{role}\n" for host, role in zip(HOSTS, roles.split(), strict=True))
    (folder / "enrichment.d" / "fleet.csv").write_text(f"host,site,role\n{rows}")
    other = "  - {kpi: busy, by: host, every: 30m, values: {n: count()}}\n"
    (folder / "rules.d" / "rules.yaml").write_text(f"source: calls\nrules:\n{other}{rule}")
    return folder


def feed(world: World, begin: int, end: int) -> None:
    """A call of each host every minute."""
    world.feed(
        _call(60 * minute, 100 * number, host, 1.0)
        for minute in range(begin, end)
        for number, host in enumerate(HOSTS)
    )  # fmt: skip
    world.run()


def told(over: int) -> dict[str, int]:
    """Calls of each host in the window before the end at which it was a core."""
    roles = [ROLES[sum(minute >= since for since in CHANGES)].split() for minute in range(END - over, END)]
    counts = {host: sum(at[number] == "core" for at in roles) for number, host in enumerate(HOSTS)}
    return {host: count for host, count in counts.items() if count}


def live(world: World, projects: list[Path], harm: str) -> None:
    """Up to the change that brings the rule, and what harms it there."""
    world.begin(projects[0])
    feed(world, 0, CHANGES[0])
    world.change(projects[1], START_MS + 60_000 * CHANGES[0])
    feed(world, CHANGES[0], CHANGES[1])
    world.change(projects[2], START_MS + 60_000 * CHANGES[1])
    feed(world, CHANGES[1], RULE)
    world.settings = replace(world.settings, snapshot_every_ms=10_000 if harm == "none" else 10**9)
    with suppress(Killed):
        world.change(projects[3], START_MS + 60_000 * RULE, dies=harm != "none")
    world.disk.kill_process()
    for path in list(world.disk.files) if harm == "lost snapshots" else ():
        if path.suffix == ".snapshot":
            del world.disk.files[path]


@pytest.mark.parametrize("harm", ["none", "death", "lost snapshots"])
@pytest.mark.parametrize(("over", "backfill"), [(90, 120), (60, 31)])
def test_what_is_filled_had_been_joined(tmp_path: Path, over: int, backfill: int, harm: str) -> None:
    """Also by the process that comes after a death just behind the change, from a snapshot or from the journal alone;
    and where earlier rows are kept no longer than they are of use."""
    projects = [project(tmp_path / str(number), roles, "") for number, roles in enumerate(ROLES)]
    projects.append(project(tmp_path / "with", ROLES[2], CORES.format(over=over)))
    world = World(projects[0])
    world.settings = replace(world.settings, backfill_ms=backfill * 60_000)
    live(world, projects, harm)
    feed(world, RULE, END + 5)
    rows = [row for row in world.outputs()["kpis"] if row["kpi"] == "cores" and row["window"]["end"][11:16] == "01:30"]
    assert {row["key"]["host"]: row["values"]["n"] for row in rows} == told(over)
    assert len(rows) == len(told(over))


@pytest.mark.parametrize("lost", [False, True])
def test_without_backfill_rows_are_neither_compared_nor_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: bool
) -> None:
    """Of large tables that takes a while, and it would be within the pause of the change; nor are they in a replay."""
    projects = [project(tmp_path / str(number), roles, "") for number, roles in enumerate(ROLES[:2])]
    world = World(projects[0])
    world.settings = replace(world.settings, backfill_ms=0, snapshot_every_ms=10**9 if lost else 10_000)
    world.begin(projects[0])
    feed(world, 0, CHANGES[0])
    monkeypatch.delattr(table_history, "_difference")
    with suppress(Killed):
        world.change(projects[1], START_MS + 60_000 * CHANGES[0], dies=lost)
    world.disk.kill_process()
    feed(world, CHANGES[0], CHANGES[1])
    assert max(version.number for version in world.store().versions) == 1


def test_a_replay_keeps_the_rows_that_its_own_windows_need(tmp_path: Path) -> None:
    """Also where `backfill: 0s` has come since: what the journal filled is filled from the rows of then."""
    projects = [project(tmp_path / str(number), roles, "") for number, roles in enumerate(ROLES)]
    projects.append(project(tmp_path / "with", ROLES[2], CORES.format(over=90)))
    world = World(projects[0])
    world.settings = replace(world.settings, backfill_ms=7_200_000)
    live(world, projects, "lost snapshots")
    world.settings = replace(world.settings, backfill_ms=0)
    feed(world, RULE, END + 5)
    rows = [row for row in world.outputs()["kpis"] if row["kpi"] == "cores" and row["window"]["end"][11:16] == "01:30"]
    assert {row["key"]["host"]: row["values"]["n"] for row in rows} == told(90)
