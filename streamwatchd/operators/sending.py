"""What comes out of a task: documents for the output topics, and pieces for later stages once they are final."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from streamwatchd.batch import TRUE, Frame
from streamwatchd.operators.asking import BEGINNING, FOREVER, StageAsk
from streamwatchd.operators.document import Document
from streamwatchd.operators.evaluate import WINDOW_END, WINDOW_START, Evaluator
from streamwatchd.operators.family import Family
from streamwatchd.operators.grid import Grid, last_of
from streamwatchd.operators.panes import Pane
from streamwatchd.operators.progress import Progress
from streamwatchd.operators.spec import RowFeedSpec
from streamwatchd.operators.wire import FeedWire

Say = Callable[[Document], None]


@dataclass(slots=True)
class Outbox:
    """What a flow has to say: documents for the output topics, and pieces for later stages."""

    alerts: list[Document] = field(default_factory=list)
    kpis: list[Document] = field(default_factory=list)
    anomalies: list[Document] = field(default_factory=list)
    shadows: list[Document] = field(default_factory=list)
    """Of any of these kinds, of rules in shadow."""
    panes: list[tuple[Family, int, Pane]] = field(default_factory=list)
    rows: list[tuple[RowFeedSpec, Frame]] = field(default_factory=list)
    begun: list[tuple[str, int]] = field(default_factory=list)
    """Streams of which later stages hear for the first time, and the first instant that came after a watermark."""
    watermarks: list[tuple[str, int]] = field(default_factory=list)
    late: list[tuple[Family, int, int, Pane]] = field(default_factory=list)
    """What came late for panes: family, slot, index, pane."""
    promises: list[tuple[Family, int]] = field(default_factory=list)
    """Of families that are filled from before they began: from when on all panes follow."""

    @property
    def waits(self) -> bool:
        """Whether later stages have not been told yet."""
        return bool(self.panes or self.late or self.rows or self.watermarks or self.promises)

    def alert(self, document: Document) -> None:
        self.alerts.append(document)

    def kpi(self, document: Document) -> None:
        self.kpis.append(document)

    def anomaly(self, document: Document) -> None:
        self.anomalies.append(document)

    def unless_shadow(self, kind: str, say: Say, shadows: frozenset[str]) -> Say:
        """`say` for documents that have under `kind` another name than one of `shadows`."""
        if not shadows:
            return say

        def choose(document: Document) -> None:
            if document[kind] in shadows:
                self.shadows.append(document)
            else:
                say(document)

        return choose


def send_rows(feed: FeedWire, frame: Frame, evaluator: Evaluator, outbox: Outbox) -> None:
    """The rows that a feed wants, between its beginning and its end, with the columns that it names."""
    spec, rows = feed.spec, frame
    if feed.begins_ms > BEGINNING or feed.until_ms < FOREVER:
        rows = frame.take((frame.time >= feed.begins_ms) & (frame.time < feed.until_ms))
    if spec.where is not None and len(rows):
        rows = rows.take(evaluator.truths(spec.where, rows) == TRUE)
    if not len(rows):
        return
    columns = {column.name: evaluator.column(column.expr, rows) for column in spec.columns}
    columns |= {name: rows.columns[name] for name in (WINDOW_START, WINDOW_END) if name in rows.columns}
    outbox.rows.append((spec, Frame(rows.time, columns)))


def sending(families: Iterable[Family]) -> Iterator[Family]:
    return (family for family in families if family.is_sent)


def send_final(
    families: Sequence[Family], feeds: Sequence[FeedWire], asks: Sequence[StageAsk], progress: Progress, outbox: Outbox
) -> None:
    """Panes that have become final since the last time, and the watermark that says so: at instants at which anything
    of later stages may be due, whatever the batches."""
    for stream, grids in _grids(families, feeds, asks, progress).items():
        limit = progress.of_stream(stream)
        # what ends at E at a later stage waits for no other instant
        passed = [last_of(grid, limit) for grid in grids]
        level = max([*passed, *(ask.from_ms + 1 for ask in asks if ask.from_ms < limit)])
        if limit == BEGINNING or level <= progress.sent.get(stream, BEGINNING):
            continue
        if stream not in progress.sent and stream in progress.begun and stream in progress.wanted:
            outbox.begun.append((stream, progress.begun[stream]))
        progress.sent[stream] = level
        for family in sending(families):
            if family.spec.stream == stream:
                for index, pane in family.final_panes(limit):
                    outbox.panes.append((family, index, pane))
                for slot, index, pane in family.late.final_panes(limit) if family.late else ():
                    outbox.late.append((family, slot, index, pane))
        outbox.watermarks.append((stream, limit - 1))


def _grids(
    families: Sequence[Family], feeds: Sequence[FeedWire], asks: Sequence[StageAsk], progress: Progress
) -> dict[str, set[Grid]]:
    """At which instants later stages hear of the watermark of a stream."""
    found: dict[str, set[Grid]] = {}
    for feed in feeds:
        found.setdefault(feed.spec.stream, set()).add((feed.spec.step_ms, 0))
    for family in sending(families):
        # its last word, and with it the watermark that lets readers go, waits for no pane
        is_last = family.until_ms < progress.of_stream(family.spec.stream)
        found.setdefault(family.spec.stream, set()).add((1 if is_last else family.finest.width_ms, 0))
    for stream, grids in found.items():
        grids.update(*(ask.spec.grids.get(stream, ()) for ask in asks))
    return found
