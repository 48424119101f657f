"""Spoilt files of a state folder: every one is found out, none is believed, none crashes or hangs a reader."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from streamwatchd.daemon import contents
from streamwatchd.shard import journal, snapshot_file
from tests.ledger import Ledger
from tests.mutations import ledger
from tests.mutations.corpus import Corpus
from tests.mutations.corpus import corpus as good_files
from tests.mutations.judge import Believed, judge
from tests.mutations.mutate import Mutant, draw, ways
from tests.mutations.run import run

A_SEED = 700


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return good_files()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_spoilt_file_is_believed(corpus: Corpus, seed: int) -> None:
    """Drawn from a seed; `make mutations` draws many more."""
    result = run(corpus, seed, A_SEED)
    assert result.faults == []
    assert sum(result.verdicts.values()) == result.mutants == A_SEED
    assert result.ways.keys() >= ways().keys() - {"empty", "all_zeros"}
    assert set(result.kinds) == {"snapshot", "journal", "versions", "rules"}


@pytest.mark.parametrize("kind", ["snapshot", "journal", "versions", "rules"])
def test_every_byte_of_header_and_footer_counts(corpus: Corpus, kind: str) -> None:
    """One after the other, one bit and all bits."""
    path = max(each for each in corpus.files if corpus.kind_of(each) == kind)
    good = corpus.files[path]
    for at in {*range(min(64, len(good))), *range(max(0, len(good) - 64), len(good))}:
        for mask in (0x01, 0xFF):
            spoilt = bytearray(good)
            spoilt[at] ^= mask
            judge(corpus, Mutant(path, bytes(spoilt), "byte"))


def blind(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Readers that look at no checksum."""

    class Same:
        """As a digest it equals every other."""

        def __eq__(self, other: object) -> bool:
            return True

        def __ne__(self, other: object) -> bool:
            return False

        __hash__ = None  # type: ignore[assignment]

        def digest(self) -> Same:
            return self

    if kind == "snapshot":
        monkeypatch.setattr(snapshot_file, "sha256", lambda data: Same())
    elif kind == "journal":
        monkeypatch.setattr(journal, "_seal", lambda data: Same())
    else:
        monkeypatch.setattr(contents, "unseal", lambda kind, version, file: file[44:])


@pytest.mark.parametrize("kind", ["snapshot", "journal", "versions", "rules"])
def test_without_the_checksums_spoilt_files_would_be_believed(
    corpus: Corpus, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the judge sees what there is to see."""
    rng = random.Random(1)
    mutants = [each for each in (draw(corpus, rng) for _ in range(300)) if corpus.kind_of(each.path) == kind]
    blind(monkeypatch, kind)
    believed = 0
    for mutant in mutants:
        try:
            judge(corpus, mutant)
        except Believed:
            believed += 1
        except Exception:  # what spoilt bytes do to a reader that trusts them
            continue
    assert believed > 0


def test_the_ledger_remembers(corpus: Corpus, tmp_path: Path) -> None:
    """A line a seed, and a row an engine."""
    line = ledger.line_of(7, run(corpus, 7, 20))
    runs = Ledger(tmp_path / "ledger", ledger.Line)
    runs.write(line)
    runs.write(ledger.line_of(8, run(corpus, 8, 20)))
    lines = runs.read()
    assert lines[0] == line
    assert "| 7–8 | 40 |" in ledger.table(lines)
