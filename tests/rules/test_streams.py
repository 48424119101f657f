"""What rules read by name."""

from __future__ import annotations

from streamwatchd.lang.scope import JoinedTable, Undeclared
from streamwatchd.lang.typed import NUMBER, STRING, Field, TableColumn
from streamwatchd.rules import streams
from streamwatchd.rules.ruleset import Enrichment, FieldDeclaration, Source, Table
from streamwatchd.rules.streams import Stream

DEVICES = Table("devices", "devices.csv", "host", {"role": STRING, "cpu": NUMBER})
SOURCE = Source("s", "t", fields={"cpu": FieldDeclaration(NUMBER)}, enrich=(Enrichment("devices", "host"),))


def test_a_declared_field_wins_over_a_column_of_its_name() -> None:
    """The column is `devices.cpu`."""
    scope = streams.rows((streams.of_source(SOURCE, {"devices": DEVICES}),)).scope
    assert scope.names["cpu"] == Field("cpu", NUMBER)
    assert isinstance(scope.names["devices.cpu"], TableColumn)
    assert isinstance(scope.names["role"], TableColumn)


def test_undeclared_names_are_open_warned_of_or_closed() -> None:
    """By `fields:` and `strict:`."""
    assert streams.of_source(Source("s", "t"), {}).undeclared is Undeclared.OPEN
    assert streams.of_source(SOURCE, {}).undeclared is Undeclared.WARN
    assert streams.of_source(Source("s", "t", strict=True), {}).undeclared is Undeclared.CLOSED


def test_equal_streams_share_one_place() -> None:
    """So that equal expressions are checked once, over reloads too."""
    one, other = (streams.of_source(SOURCE, {"devices": DEVICES}) for _ in range(2))
    assert one is not other
    assert streams.rows((one,)) is streams.rows((other,))
    changed = Stream("s", {"cpu": STRING}, (JoinedTable("devices", "host", DEVICES.columns),))
    assert streams.rows((one,)) is not streams.rows((changed,))


def test_common_keys_are_in_the_order_of_the_first() -> None:
    """And in all streams."""
    one = Stream("a", {}, keys=("x", "y", "z"))
    assert streams.common_keys((one, Stream("b", {}, keys=("z", "x")))) == ("x", "z")
