"""The records of the control topic, each kind once; `schemas/control.json` is written from here."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from streamwatchd.errors import BadRecord
from streamwatchd.lang.units import parse_duration

Cell = str | int | float | bool | None
Line = Annotated[str, msgspec.Meta(min_length=1, max_length=1_000)]
Words = Annotated[str, msgspec.Meta(max_length=1_000)]
Id = Annotated[
    str, msgspec.Meta(min_length=1, max_length=200, description="The sender's. What has come once has no effect again.")
]


class Silence(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="silence", forbid_unknown_fields=True,
              rename={"from_": "from", "for_": "for"}):  # fmt: skip
    """Have nobody told of some alarms for a while, as `swctl silence` does."""

    id: Id
    reason: Line
    by: Line
    rules: Annotated[list[str], msgspec.Meta(description="The alarms of which nobody is told.")] = []
    labels: Annotated[
        dict[str, str], msgspec.Meta(description="The alarms that have these labels; with `rules`, of those.")
    ] = {}
    keys: Annotated[dict[str, str | int | float | bool], msgspec.Meta(description="Only keys with these values.")] = {}
    where: Annotated[str, msgspec.Meta(description="Only keys for which it is true.")] = ""
    from_: Annotated[str, msgspec.Meta(description="When it begins, in event time; at once if not given.")] = ""
    until: Annotated[str, msgspec.Meta(description="When it ends, in event time; or `for`.")] = ""
    for_: Annotated[str, msgspec.Meta(description="How long from the record's timestamp, such as 2h.")] = ""


class EndSilence(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="end_silence",
                 forbid_unknown_fields=True):  # fmt: skip
    """End a silence that was said, by its name or by the id of the record that said it."""

    id: Id
    silence: Line
    by: Words = ""


class Ack(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="ack", forbid_unknown_fields=True):
    """Somebody knows of what is up, as `swctl ack` says."""

    id: Id
    rule: Line
    by: Line
    keys: Annotated[dict[str, str | int | float | bool], msgspec.Meta(description="Only keys with these values.")] = {}
    where: Annotated[str, msgspec.Meta(description="Only keys for which it is true.")] = ""
    note: Words = ""


class Disposition(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="disposition",
                  forbid_unknown_fields=True):  # fmt: skip
    """What an alarm was. Of an anomaly rule the row of topic `anomalies` is named, and its model learns from it."""

    id: Id
    rule: Line
    verdict: Literal["false_positive", "confirmed"]
    by: Line
    note: Words = ""
    alarm: Annotated[str, msgspec.Meta(description="The `id` of the alert.")] = ""
    key: Annotated[dict[str, Cell], msgspec.Meta(description="Of an anomaly: its key.")] = {}
    end: Annotated[str, msgspec.Meta(description="Of an anomaly: the end of its window.")] = ""
    score: Annotated[float, msgspec.Meta(ge=0, le=1, description="Of an anomaly: its score.")] | None = None
    model: Annotated[str, msgspec.Meta(description="Of an anomaly: what scored it.")] = ""
    version: Annotated[int, msgspec.Meta(ge=0, description="Of an anomaly: the version that scored it.")] = 0


Said = Silence | EndSilence | Ack | Disposition
_decoder = msgspec.json.Decoder(Said)


def decode(payload: bytes | None) -> Said:
    """Raises BadRecord with what is wrong, in words for whoever wrote it."""
    if payload is None:
        raise BadRecord("no value: write a JSON object with `id` and `kind`")
    try:
        said: Said = _decoder.decode(payload)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise BadRecord(f"{error}; schemas/control.json says what a record is") from error
    if isinstance(said, Silence):
        if bool(said.until) == bool(said.for_):
            raise BadRecord("say when the silence ends: either `until` or `for`")
        if said.for_ and not parse_duration(said.for_):
            raise BadRecord(f"`for` must be a duration such as 2h, not `{said.for_}`")
    return said


def kind_of(said: Said) -> str:
    return str(type(said).__struct_config__.tag)


def schema() -> dict[str, Any]:
    """JSON Schema of all kinds."""
    return msgspec.json.schema(Said)
