"""A database that answers one query. SQLAlchemy knows the dialects; it comes with the extra `[sql]`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from streamwatchd.errors import Unavailable, how_to_install

if TYPE_CHECKING:
    from sqlalchemy import URL


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
            from sqlalchemy import create_engine, make_url, text
            from sqlalchemy.exc import SQLAlchemyError
            from sqlalchemy.pool import NullPool
        except ImportError as error:
            raise Unavailable("tables from a database need SQLAlchemy: " + how_to_install("sqlalchemy>=2.0")) from error
        try:
            _check_there(make_url(url))
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


def _check_there(url: URL) -> None:
    """SQLite makes an empty database of a path that is mistyped."""
    is_file = url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:") and not url.query
    if is_file and not Path(str(url.database)).is_file():
        raise Unavailable(f"there is no database {url.database}")


def _short(error: Exception) -> str:
    """What the database said. SQLAlchemy adds the query and a link, and never the password."""
    said = getattr(error, "orig", None) or error
    return " ".join(str(said).split())[:500]
