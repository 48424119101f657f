"""`savepoint`: asked of every shard, finished by name, or not there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from streamwatchd.control import CommandRefused
from streamwatchd.ports.disk import RealDisk
from streamwatchd.shard.control import Saved
from streamwatchd.shard.owner import Layout
from streamwatchd.shard.savepoint import Part, read_savepoint, write_part
from tests.daemon.commands.setting import Setting


def answering(setting: Setting, answer: Callable[[int], Saved]) -> None:
    """Shards that answer at once."""
    supervisor = setting.supervisor
    supervisor.saves = {}  # type: ignore[attr-defined]
    supervisor.layout = Layout(0, 2)  # type: ignore[attr-defined]

    def save(url: str) -> int:
        supervisor.saves[1] = {slot.shard: answer(slot.shard) for slot in supervisor.slots}  # type: ignore[attr-defined]
        return 1

    supervisor.save = save  # type: ignore[attr-defined]


def test_it_is_there_once_every_shard_has_written(tmp_path: Path) -> None:
    """With the rules, and a file that says what it is."""
    setting = Setting()
    answering(setting, lambda shard: Saved(shard, 1, 7 + shard, 100))
    result = setting.run("savepoint", where=f"file://{tmp_path}", name="a")
    assert (result["url"], result["bytes"], result["epochs"]) == (f"file://{tmp_path}/a", 200, {"0": 7, "1": 8})
    assert read_savepoint(RealDisk(), tmp_path / "a").epochs == {0: 7, 1: 8}
    assert (tmp_path / "a" / "streamwatchd" / "versions").exists()
    assert [each["name"] for each in setting.run("savepoint", where=f"file://{tmp_path}", list=True)["savepoints"]] == [
        "a"
    ]
    with pytest.raises(CommandRefused, match="choose another --name"):
        setting.run("savepoint", where=f"file://{tmp_path}", name="a")


def test_several_hosts_write_one_savepoint(tmp_path: Path) -> None:
    """Each the shards that it has; it is there once all are, whoever comes last."""
    where = f"file://{tmp_path}"
    hosts = []
    for mine in (0, 1):
        host = Setting()
        answering(host, lambda shard: Saved(shard, 1, 7 + shard, 100))
        host.supervisor.slots = [slot for slot in host.supervisor.slots if slot.shard == mine]
        hosts.append(host)
    with pytest.raises(CommandRefused, match="run the same command on each of them"):
        hosts[0].run("savepoint", where=where)
    assert hosts[1].run("savepoint", where=where, name="a")["missing"] == [0]
    assert hosts[0].run("savepoint", where=where, list=True)["savepoints"] == []
    with pytest.raises(CommandRefused, match="choose another --name"):
        hosts[1].run("savepoint", where=where, name="a")
    result = hosts[0].run("savepoint", where=where, name="a")
    assert (result["missing"], result["bytes"], result["epochs"]) == ([], 200, {"0": 7, "1": 8})
    assert read_savepoint(RealDisk(), tmp_path / "a").epochs == {0: 7, 1: 8}
    assert (tmp_path / "a" / "streamwatchd" / "versions").exists()
    for host in hosts:
        with pytest.raises(CommandRefused, match="choose another --name"):
            host.run("savepoint", where=where, name="a")


def test_hosts_that_know_other_rules_or_shards_do_not_finish_it(tmp_path: Path) -> None:
    """The rules of the last host have to be those of all parts."""
    where = f"file://{tmp_path}"
    setting = Setting()
    answering(setting, lambda shard: Saved(shard, 1, 7, 100))
    setting.supervisor.slots = setting.supervisor.slots[:1]
    write_part(RealDisk(), tmp_path / "a", Part(1, 7, 100, 99, 0, 2))
    with pytest.raises(CommandRefused, match="another host has version 99 of the rules"):
        setting.run("savepoint", where=where, name="a")
    write_part(RealDisk(), tmp_path / "b", Part(1, 7, 100, 0, 3, 2))
    with pytest.raises(CommandRefused, match="several layouts"):
        setting.run("savepoint", where=where, name="b")
    (tmp_path / "c" / "parts").mkdir(parents=True)
    (tmp_path / "c" / "parts" / "1").write_bytes(b"x")
    with pytest.raises(CommandRefused, match="no savepoint at"):
        setting.run("savepoint", where=where, name="c")


def test_a_shard_that_can_not_write_is_named(tmp_path: Path) -> None:
    """And there is no savepoint."""
    setting = Setting()
    answering(setting, lambda shard: Saved(shard, 1, 7, 0, "No space left on device" if shard else ""))
    with pytest.raises(CommandRefused, match="shard 1 could not write it: No space left"):
        setting.run("savepoint", where=f"file://{tmp_path}", name="a")
    assert setting.run("savepoint", where=f"file://{tmp_path}", list=True)["savepoints"] == []


def test_all_shards_must_be_at_work(tmp_path: Path) -> None:
    """One that recovers has no state to give."""
    setting = Setting()
    setting.supervisor.slots[1].phase = "replaying"
    with pytest.raises(CommandRefused, match="shard 1 is not at work"):
        setting.run("savepoint", where=f"file://{tmp_path}")


@pytest.mark.parametrize("name", ["../a", "-a", "a b"])
def test_a_name_leads_nowhere_else(name: str, tmp_path: Path) -> None:
    """It is one folder."""
    with pytest.raises(CommandRefused, match="a savepoint's name is"):
        Setting().run("savepoint", where=f"file://{tmp_path}", name=name)
