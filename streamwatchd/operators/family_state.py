"""What a family keeps, as packable values and back."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from streamwatchd.aggregates.accumulator import array_of
from streamwatchd.aggregates.steps import Last
from streamwatchd.operators.known import Known
from streamwatchd.operators.late import Partial
from streamwatchd.operators.panes import pack_pane, unpack_pane
from streamwatchd.packing import Frozen, thawed

if TYPE_CHECKING:
    from streamwatchd.operators.family import Family


def picture(family: Family) -> Any:
    """What is kept of a family, as packable values. Key ids are those of the key space, which the flow keeps."""
    tables = {width: table.picture(family.closed_ms) for width, table in family.tables.items()}
    followed = (*family.known.values(), *family.old_known)
    known = [[k.forget_ms, k.every_ms, k.since.copy(), k.last.copy(), k.begins_ms] for k in followed]
    pending = [
        [index, feeder, Frozen(partial(_packed, said), apart=False)]
        for index, feeders in family.pending.items()
        for feeder, said in feeders.items()
    ]
    began = [[width, each.tag, at] for (width, each), at in family.began.items()]
    flood = None if family.flood is None else family.flood.pack()
    late = None if family.late is None else family.late.snapshot()
    kept = dict(family.kept)
    lasts = [[each.tag, *last.pack()] for each, last in family.finest.lasts.items()]
    mine = [tables, known, family.closed_ms, family.begins_ms, family.unkeyed, flood, pending, began, kept, late, lasts]
    filled = [family.warmed, family.since_ms, dict(family.promises)]
    return [*mine, *filled] if family.warmed or family.promises or family.since_ms != family.begins_ms else mine


def put_back(family: Family, state: Any) -> None:
    """The inverse; tables, accumulations and manners of forgetting that are not here are left out."""
    tables, known, family.closed_ms, family.begins_ms, family.unkeyed, flood, pending, began, kept, *late = state
    if family.flood is not None and flood is not None:
        family.flood.unpack(flood)
    size = len(family.space)
    _put_back_known(family, known, size)
    for width, panes in tables.items():
        if width in family.tables:
            family.tables[width].restore(panes, size)
    tags = {(width, each.tag): each for width, table in family.tables.items() for each in table.accumulations}
    family.began = {(width, tags[width, tag]): at for width, tag, at in began if (width, tag) in tags}
    family.kept = {width: at for width, at in kept.items() if width in family.tables}
    for index, feeder, packed in pending:
        keys, pane = thawed(packed)
        said = Partial([tuple(key) for key in keys], unpack_pane(pane, family.finest.accumulations, len(keys)))
        family.pending.setdefault(index, {})[feeder] = said
    if family.late is not None and late and late[0] is not None:
        family.late.restore(late[0], size)
    here = {each.tag: each for each in family.finest.accumulations}
    for tag, *packed in late[1] if len(late) > 1 else ():
        if tag in here:
            family.finest.lasts[here[tag]] = Last.unpack(packed)
    warmed, family.since_ms, promises = late[2:] if len(late) > 2 else ({}, family.begins_ms, {})
    family.warmed = {int(at): since for at, since in warmed.items()}
    family.promises = dict(promises)


def _put_back_known(family: Family, packed: Any, size: int) -> None:
    """Of each manner the one that is asked for comes first; then those of nodes that end, the newest last."""
    rows: dict[tuple[int, int], list[Any]] = {}
    for forget, every, *row in packed:
        rows.setdefault((forget, every), []).append(row)
    old: dict[tuple[int, int], list[Known]] = {}
    for each in family.old_known:
        old.setdefault((each.forget_ms, each.every_ms), []).append(each)
    for manner, (first, *others) in rows.items():
        ending = old.get(manner, [])[-len(others) :] if others else []
        pairs = list(zip(reversed(ending), reversed(others), strict=False))
        if manner in family.known:
            pairs.append((family.known[manner], first))
        for known, (since, last, begins) in pairs:
            known.since, known.last = array_of(since, np.int64, size), array_of(last, np.int64, size)
            known.begins_ms = begins


def _packed(said: Partial) -> list[object]:
    return [[list(key) for key in said.keys], pack_pane(said.pane)]
