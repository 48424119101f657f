"""Tables of the enrichment folder."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from streamwatchd.lang.typed import NUMBER, STRING, Kind, Type
from streamwatchd.rules import codes
from streamwatchd.rules.loader import Loaded

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
