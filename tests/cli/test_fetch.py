"""`swctl fetch`: tables into the state folder, so that checks and replays see them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.cli.small import copy, swctl


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The small project with a table that a database has."""
    config = copy(tmp_path)
    folder = config.parent / "enrichment.d"
    folder.mkdir(exist_ok=True)
    with sqlite3.connect(tmp_path / "shops.db") as database:
        database.execute("CREATE TABLE shops (shop TEXT, owner TEXT)")
        database.execute("INSERT INTO shops VALUES ('north', 'ops')")
    database.close()
    (folder / "shops.csv").unlink(missing_ok=True)
    (folder / "shops.yaml").write_text(
        f"query: SELECT shop, owner FROM shops\ndatabase: sqlite:///{tmp_path}/shops.db\n"
    )
    return config


def test_what_was_fetched_can_be_checked_against(config: Path) -> None:
    """Before that `validate` says how; without a database the last rows stay."""
    result = swctl("validate", "--config", config)
    assert result.exit_code == 1
    assert "swctl fetch shops" in result.output
    result = swctl("fetch", "--config", config)
    assert (result.exit_code, result.stdout.split(" in ")[0]) == (0, "shops: 1 row")
    assert swctl("validate", "--config", config).exit_code == 0
    (database,) = config.parent.glob("*.db")
    database.unlink()
    result = swctl("fetch", "shops", "--config", config)
    assert (result.exit_code, result.stderr) == (1, f"shops: there is no database {database}\n")
    assert not database.exists()
    assert swctl("validate", "--config", config).exit_code == 0


def test_a_table_that_is_not_fetched_is_named(config: Path) -> None:
    """With the ones that are."""
    result = swctl("fetch", "devices", "--config", config)
    assert (result.exit_code, result.stderr) == (
        2, "swctl: no table `devices` has a query or a topic; tables to fetch: shops\n",
    )  # fmt: skip
