"""`swctl convert`."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from streamwatchd.batch import RawBatch
from streamwatchd.cli import convert
from streamwatchd.recording import Header, RecordedMark, RecordingWriter, open_recording
from tests.cli.small import START, copy, swctl
from tests.recording.files import FORMS, PARQUET, Record, records

HEADER = Header({"web.requests": 2}, {"web": {"topic": "web.requests", "time": "ts"}})
NOW = ("--now", "2026-01-06T00:00:00Z")


def batch(partition: int, first: int, last: int) -> RawBatch:
    """A request each second, a torn one and a tombstone among them."""
    seconds = range(first, last)
    requests = [
        {"ts": START + s, "shop": f"s{partition}", "page": "home", "status": 200, "latency": s} for s in seconds
    ]
    payloads: list[bytes | None] = [json.dumps(each).encode() for each in requests]
    payloads[3:5] = [b'{"ts":\xff', None]
    stamps = [(START + s) * 1000 for s in seconds]
    return RawBatch("web.requests", partition, payloads, seconds, stamps, [b"\xff" if s % 2 else None for s in seconds])


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """With marks that answers depend on: after the second one what follows is late."""
    path = tmp_path / "traffic.ndjson"
    with RecordingWriter(str(path), HEADER) as writer:
        for first in range(0, 400, 40):
            writer.write(batch(0, first, first + 40))
            writer.write(batch(1, first, first + 40))
            if first in (80, 200):
                for partition in (0, 1):
                    at_ms = (START + first + (100 if first == 200 else 0)) * 1000
                    writer.mark(RecordedMark(1, "web.requests", partition, first + 40, at_ms))
    return path


def by_partition(path: Path) -> dict[int, list[Record | RecordedMark]]:
    found: dict[int, list[Record | RecordedMark]] = {}
    for each in records(open_recording(str(path))):
        found.setdefault(each.partition if isinstance(each, RecordedMark) else each[1], []).append(each)
    return found


def answers(config: Path, recording: Path) -> dict[str, list[str]]:
    out = config.parent / "out"
    result = swctl("dry-run", "--config", config, recording, "--out", out, "--exact-marks", "--flush", *NOW)
    assert result.exit_code == 0, result.output
    return {path.name: sorted(path.read_text().splitlines()) for path in out.iterdir()}


@pytest.mark.parametrize("suffix", FORMS)
def test_every_form_plays_the_same(recording: Path, suffix: str) -> None:
    """Header, records and marks are those of the first, and so is what is made of them; also after the way back."""
    config = copy(recording.parent)
    other, back = recording.with_name(f"other{suffix}"), recording.with_name("back.ndjson")
    result = swctl("convert", recording, "--out", other)
    assert (result.exit_code, result.stderr) == (0, f"{other}: 800 records, 4 marks\n")
    assert swctl("convert", other, "--out", back).exit_code == 0
    expected = answers(config, recording)
    assert {"kpis.ndjson", "late.ndjson", "dead_letters.ndjson"} <= {name for name, rows in expected.items() if rows}
    for path in (other, back):
        with open_recording(str(path)) as opened:
            assert opened.header == HEADER
        assert by_partition(path) == by_partition(recording)
        assert answers(config, path) == expected


def test_standard_input_and_output(recording: Path) -> None:
    """As lines."""
    result = swctl("convert", "-", "--out", "-", input=recording.read_bytes())
    assert (result.exit_code, len(result.stdout.splitlines())) == (0, 805)


def test_bare_events_are_not_for_it(tmp_path: Path) -> None:
    """They are in a form that every tool reads."""
    (tmp_path / "a.ndjson").write_text('{"ts":1}\n')
    result = swctl("convert", tmp_path / "a.ndjson", "--out", tmp_path / "a.parquet")
    assert (result.exit_code, "bare events" in result.stderr, (tmp_path / "a.parquet").exists()) == (2, True, False)


def test_a_torn_last_line_is_told(recording: Path) -> None:
    """And left out."""
    with recording.open("ab") as file:
        file.write(b'{"topic": "web.re')
    result = swctl("convert", recording, "--out", recording.with_name("out.parquet"))
    assert (result.exit_code, "the last line is torn and was left out" in result.stderr) == (0, True)


@pytest.mark.parametrize("suffix", FORMS)
def test_a_damaged_recording_leaves_all_as_it_was(recording: Path, suffix: str) -> None:
    """No half where nothing was; what was there before stays."""
    with recording.open("ab") as file:
        file.write(b"no line\n")
    out = recording.with_name(f"out{suffix}")
    for before in (None, b"good"):
        if before is not None:
            out.write_bytes(before)
        result = swctl("convert", recording, "--out", out)
        assert (result.exit_code, "no envelope" in result.stderr) == (2, True)
        assert files(recording.parent) == {
            recording.name: recording.read_bytes(),
            **({out.name: before} if before else {}),
        }
    assert swctl("convert", recording, "--out", recording).exit_code == 2


@pytest.mark.parametrize("suffix", FORMS)
def test_a_pipe_stays_one(recording: Path, suffix: str) -> None:
    """It is written to as it is, and is there afterwards, also where that fails: then with no end that looks whole."""
    pipe = recording.with_name(f"pipe{suffix}")
    os.mkfifo(pipe)
    for damage in (b"", b"no line\n"):
        with recording.open("ab") as file:
            file.write(damage)
        with ThreadPoolExecutor() as pool:
            read = pool.submit(pipe.read_bytes)
            result = swctl("convert", recording, "--out", pipe)
        assert (result.exit_code, pipe.is_fifo()) == (2 if damage else 0, True)
        if suffix in PARQUET:
            assert read.result(10)[4:].endswith(b"PAR1") is not bool(damage)
        else:
            assert read.result(10)


@pytest.mark.parametrize("suffix", [".ndjson", ".ndjson.gz"])
def test_an_empty_file_is_called_that(tmp_path: Path, suffix: str) -> None:
    """And replaces nothing."""
    empty, out = tmp_path / f"empty{suffix}", tmp_path / "out.parquet"
    empty.write_bytes(b"")
    out.write_bytes(b"good")
    result = swctl("convert", empty, "--out", out)
    assert result.stderr == f"swctl: {empty}: it is empty; take another copy of it, or record again\n"
    assert (result.exit_code, out.read_bytes()) == (2, b"good")


def test_a_header_alone_is_a_recording(tmp_path: Path) -> None:
    """Of nothing, that is."""
    path, out = tmp_path / "a.ndjson", tmp_path / "a.parquet"
    RecordingWriter(str(path), HEADER).close()
    assert swctl("convert", path, "--out", out).exit_code == 0
    with open_recording(str(out)) as opened:
        assert (opened.header, opened.is_empty, list(opened)) == (HEADER, False, [])


def test_an_interrupt_leaves_no_half(recording: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither does Ctrl-C."""

    def interrupted(self: RecordingWriter, mark: RecordedMark) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(convert.RecordingWriter, "mark", interrupted)
    out = recording.with_name("out.parquet")
    assert swctl("convert", recording, "--out", out).exit_code == 130
    assert list(files(recording.parent)) == [recording.name]


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}
