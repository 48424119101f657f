"""Tables of the enrichment folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from streamwatchd.enrichment.fetched import Fetch, copy_path
from streamwatchd.lang.typed import NUMBER, STRING, Kind, Type
from streamwatchd.rules import codes
from streamwatchd.rules.loader import Loaded, load

Check = Callable[..., Loaded]
DECLARED = "name: links\nfile: links.csv\nkey: link\n"
CSV = "site,link,capacity,backup\nx,l1,10,true\ny,l2,20,false\n"


def load_links(check: Check, declared: str = DECLARED, csv: str = CSV) -> Loaded:
    return check(enrichment_dot_d__links_dot_yaml=declared, enrichment_dot_d__links_dot_csv=csv)


def test_a_data_file_alone_is_a_table_of_its_name(check: Check) -> None:
    """Its first column is the key."""
    table = check().ruleset.tables["devices"]
    assert (table.key, table.columns, table.missing) == ("host", {"role": STRING, "region": STRING}, "null")


def test_a_declaration_says_key_types_and_units(check: Check) -> None:
    """The data file is then no table of its own."""
    loaded = load_links(check, DECLARED + "columns: {capacity: {unit: Mbps}, backup: string}\nmissing: drop\n")
    assert loaded.diagnostics == ()
    assert set(loaded.tables) == {"devices", "sites", "links"}
    table = loaded.ruleset.tables["links"]
    assert (table.key, table.missing, table.path) == ("link", "drop", "enrichment.d/links.csv")
    assert table.columns == {"site": STRING, "capacity": Type(Kind.NUMBER, "Mbit/s"), "backup": STRING}
    assert loaded.tables["links"].rows == {"l1": 0, "l2": 1}


def test_defaults_stand_for_keys_that_are_missing(check: Check) -> None:
    """Each of the kind of its column; null where none is given."""
    loaded = load_links(check, DECLARED + "missing: {site: none, capacity: 5, backup: false}\n")
    assert loaded.diagnostics == ()
    table = loaded.ruleset.tables["links"]
    assert (table.missing, table.defaults) == ("default", {"site": "none", "capacity": 5.0, "backup": False})
    assert table.columns["capacity"] == NUMBER


@pytest.mark.parametrize(
    ("declared", "csv", "code"),
    [
        (DECLARED + "missing: gone\n", CSV, codes.BAD_CHOICE),
        (DECLARED + "missing: {sit: x}\n", CSV, codes.UNKNOWN_COLUMN),
        (DECLARED + "missing: {backup: 5}\n", CSV, codes.COLUMN_TYPE),
        (DECLARED + "columns: {sit: string}\n", CSV, codes.TABLE_UNREADABLE),
        (DECLARED + "columns: {capacity: {unit: hops}}\n", CSV, codes.BAD_UNIT),
        (DECLARED.replace("key: link", "key: lnk"), CSV, codes.TABLE_UNREADABLE),
        (DECLARED.replace("file: links.csv", "file: none.csv"), CSV, codes.TABLE_UNREADABLE),
        (DECLARED.replace("file: links.csv\n", ""), CSV, codes.MISSING_FIELD),
        (DECLARED, CSV + "x,l1,1,true\n", codes.TABLE_UNREADABLE),
        (DECLARED, "", codes.TABLE_UNREADABLE),
    ],
)
def test_mistakes_leave_the_other_tables_alone(check: Check, declared: str, csv: str, code: str) -> None:
    """Each is said at its place."""
    loaded = load_links(check, declared, csv)
    assert code in {each.code for each in loaded.diagnostics}
    assert {"devices", "sites"} <= set(loaded.tables)


QUERY = "query: SELECT link, site FROM links\ndatabase: sqlite://\nkey: link\n"


def load_fetched(check: Check, declared: str, copy: str = "") -> Loaded:
    """With a copy in the state folder, if any."""
    loaded = check(enrichment_dot_d__links_dot_yaml=declared)
    assert loaded.settings is not None
    if not copy:
        return loaded
    path = copy_path(loaded.settings.state_dir, "links")
    path.parent.mkdir(parents=True)
    path.write_text(copy)
    return check(enrichment_dot_d__links_dot_yaml=declared)


def test_a_table_that_was_fetched_is_its_copy(check: Check) -> None:
    """Among the project's files the copy has a path below the tables, so that versions are kept with their rows."""
    loaded = load_fetched(check, QUERY + "every: 30s\n", '{"link":"l1","site":"x"}\n')
    assert loaded.diagnostics == ()
    assert loaded.tables["links"].rows == {"l1": 0}
    assert loaded.files["enrichment.d/.fetched/links.ndjson"] == b'{"link":"l1","site":"x"}\n'
    assert loaded.fetches == (Fetch("links", "link", 30_000, "SELECT link, site FROM links", "sqlite://"),)


def test_rows_that_were_kept_win_over_newer_ones(check: Check, tmp_path: Path) -> None:
    """A version of the rules is compiled again with the rows that it had."""
    load_fetched(check, QUERY, '{"link":"new","site":"x"}\n')
    (tmp_path / "enrichment.d" / ".fetched").mkdir()
    (tmp_path / "enrichment.d" / ".fetched" / "links.ndjson").write_text('{"link":"old","site":"x"}\n')
    assert load(Path("streamwatchd.yaml")).tables["links"].rows == {"old": 0}


def test_without_a_copy_declared_columns_are_enough_for_a_check(check: Check) -> None:
    """There are no rows then; the daemon does not take such a table."""
    loaded = load_fetched(check, QUERY + "columns: {site: string}\n")
    assert loaded.diagnostics == ()
    assert (loaded.tables["links"].rows, loaded.ruleset.tables["links"].columns) == ({}, {"site": STRING})
    strict = load(Path("streamwatchd.yaml"), copies=Path("none"))
    assert [each.code for each in strict.diagnostics] == [codes.TABLE_UNFETCHED]
    assert [each.table for each in strict.fetches] == ["links"]


@pytest.mark.parametrize(
    ("declared", "code"),
    [
        (QUERY, codes.TABLE_UNFETCHED),
        ("topic: links\n", codes.TABLE_UNFETCHED),
        ("key: link\n", codes.MISSING_FIELD),
        ("query: SELECT 1\n", codes.MISSING_FIELD),
        (QUERY + "topic: links\n", codes.EXCLUSIVE_FIELDS),
        ("topic: links\ndatabase: sqlite://\n", codes.EXCLUSIVE_FIELDS),
        ("file: links.csv\nevery: 5m\n", codes.EXCLUSIVE_FIELDS),
        (QUERY.replace("sqlite://", "inventory"), codes.WRONG_TYPE),
    ],
)
def test_where_rows_come_from_is_said_once(check: Check, declared: str, code: str) -> None:
    """One origin, with all that it needs, and nothing that belongs to another."""
    assert [each.code for each in load_fetched(check, declared).diagnostics] == [code]


def test_a_join_that_two_tables_answer_is_refused(check: Check) -> None:
    """Both have the column that it is on, and no field of that name is declared."""
    loaded = check(
        config="sources:\n  s: {topic: t, enrich: {devices: host, sites: site, owners: region}}\n",
        enrichment_dot_d__owners_dot_csv="region,team\neu,ops\n",
    )
    assert [(each.code, each.message) for each in loaded.diagnostics] == [
        ("SW408", "`region` is a column of `devices` and of `sites`")
    ]
