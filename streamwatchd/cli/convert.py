"""`swctl convert`: a recording in another form. What is played is the same."""

from __future__ import annotations

from pathlib import Path

import click

from streamwatchd.batch import RawBatch
from streamwatchd.cli.playing import readable
from streamwatchd.cli.project import plural
from streamwatchd.errors import UnreadableInput
from streamwatchd.recording import BareSource, Recording, RecordingWriter, open_recording


@click.command("convert")
@click.argument("recording", metavar="RECORDING")
@click.option(
    "--out",
    required=True,
    metavar="FILE",
    help="NDJSON, .gz and .zst compress; .parquet, .parq or .pq. - is standard output.",
)
def command(recording: str, out: str) -> None:
    """Write RECORDING (NDJSON, plain, .gz or .zst, or Parquet; `-` is standard input) to FILE, in the form that the
    end of its name says.

    Header, records and marks come over byte for byte; so `dry-run` says the same of both, and of Parquet twice as fast.
    A FILE that was there is replaced once the new one is whole: where that fails, it stays as it was.
    """
    if out != "-" and Path(out).exists() and Path(recording).exists() and Path(out).samefile(recording):
        raise click.UsageError("RECORDING and FILE are the same file")
    with readable(recording, twice=False) as path, open_recording(path, BareSource("")) as opened:
        if opened.is_empty:
            raise UnreadableInput(f"{recording}: it is empty; take another copy of it, or record again")
        if not opened.enveloped:
            raise UnreadableInput(
                f"{recording}: these are bare events, which any tool converts (polars, duckdb, jq); `swctl convert` is "
                "for records of Kafka, as `swctl record` writes them"
            )
        with RecordingWriter(out, opened.header, whole=True) as writer:
            records, marks = _copy(opened, writer)
    for note in opened.notes:
        click.echo(note, err=True)
    click.echo(f"{out}: {plural(records, 'record')}, {plural(marks, 'mark')}", err=True)


def _copy(opened: Recording, writer: RecordingWriter) -> tuple[int, int]:
    """Records and marks."""
    records = marks = 0
    for item in opened:
        if isinstance(item, RawBatch):
            writer.write(item)
            records += len(item)
        else:
            writer.mark(item)
            marks += 1
    return records, marks
