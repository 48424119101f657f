"""A database that answers one query. SQLAlchemy knows the dialects; it comes with the extra `[sql]`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from streamwatchd.errors import Unavailable


@dataclass(frozen=True, slots=True)
class Rows:
    """`columns` in the order of the query; each of `rows` has a value for each of them."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


class Database(Protocol):
    def rows(self, url: str, query: str, most: int) -> Rows:
        """All rows of the query. Raises Unavailable for an address, a database or a query that does not work, and
        for more than `most` rows."""


class SqlDatabase:
    """Opens a connection for each query, and closes it: between two of them the database may go and come."""

    def rows(self, url: str, query: str, most: int) -> Rows:
        try:
            from sqlalchemy import create_engine, text
            from sqlalchemy.exc import SQLAlchemyError
            from sqlalchemy.pool import NullPool
        except ImportError as error:
            raise Unavailable("tables from a database need SQLAlchemy: install streamwatchd[sql]") from error
        try:
            engine = create_engine(url, poolclass=NullPool)
            with engine.connect() as connection:
                result = connection.execution_options(stream_results=True).execute(text(query))
                found = result.fetchmany(most + 1)
                columns = list(result.keys())
        except ImportError as error:
            raise Unavailable(f"the driver of this database is not installed: {error}") from error
        except (SQLAlchemyError, OSError, ValueError) as error:
            raise Unavailable(_short(error)) from error
        if len(found) > most:
            raise Unavailable(f"the query gives more than {most:,} rows")
        return Rows(columns, [tuple(row) for row in found])


def _short(error: Exception) -> str:
    """What the database said. SQLAlchemy adds the query and a link, and never the password."""
    said = getattr(error, "orig", None) or error
    return " ".join(str(said).split())[:500]
