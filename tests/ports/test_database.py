"""Rows out of real databases, and what is said where they do not come."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from streamwatchd.errors import Unavailable
from streamwatchd.ports.database import SqlDatabase
from tests.databases import server

MOST = 100


@pytest.fixture
def inventory(tmp_path: Path) -> str:
    """SQLAlchemy's address of an SQLite file with three devices."""
    path = tmp_path / "inventory.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE devices (host TEXT, role TEXT, rack INTEGER)")
        rows = [("a", "core", 1), ("b", None, 2), ("c", "edge", 3)]
        database.executemany("INSERT INTO devices VALUES (?, ?, ?)", rows)
    database.close()
    return f"sqlite:///{path}"


def test_columns_are_those_of_the_query_in_its_order(inventory: str) -> None:
    """An expression has the name that AS gives it; null is None."""
    found = SqlDatabase().rows(inventory, "SELECT role, rack * 10 AS place FROM devices ORDER BY host", MOST)
    assert list(found.columns) == ["role", "place"]
    assert list(found.rows) == [("core", 10), (None, 20), ("edge", 30)]


@pytest.mark.parametrize(
    ("url", "query", "said"),
    [
        ("", "SELECT * FROM missing", "no such table: missing"),
        ("sqlite:////no/such/folder/x.db", "SELECT 1", "no database /no/such/folder/x.db"),
        ("nosuch://x", "SELECT 1", "nosuch"),
        ("postgresql+psycopg://noc:SECRET@/x?host=/no/such/folder", "SELECT 1", "folder"),
        ("", "SELECT host FROM devices UNION ALL SELECT host FROM devices", "more than 5 rows"),
    ],
)
def test_what_does_not_work_is_said_without_a_password(inventory: str, url: str, query: str, said: str) -> None:
    """In one line, whatever the driver raises."""
    with pytest.raises(Unavailable, match=said) as caught:
        SqlDatabase().rows(url or inventory, query, 5)
    assert "SECRET" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_real_postgresql(tmp_path: Path) -> None:
    """With types of its own: numeric, timestamp, boolean, uuid. A server that has gone is said, and may come back."""
    try:
        server.install()
    except server.CannotRun as problem:
        pytest.skip(f"no PostgreSQL: {problem}")
    with server.running(tmp_path) as url:
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE d (host text, load numeric, up boolean, seen timestamptz)"))
            connection.execute(text("INSERT INTO d VALUES ('a', 1.50, true, '2026-01-05T10:00:00Z')"))
        engine.dispose()
        found = SqlDatabase().rows(url, "SELECT host, load, up, seen FROM d", MOST)
        host, load, up, seen = found.rows[0]
        assert (host, float(load), up, seen.timestamp()) == ("a", 1.5, True, 1_767_607_200)
        with pytest.raises(Unavailable, match='relation "gone" does not exist'):
            SqlDatabase().rows(url, "SELECT * FROM gone", MOST)
    with pytest.raises(Unavailable):
        SqlDatabase().rows(url, "SELECT 1", MOST)
