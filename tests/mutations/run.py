"""Many mutants from one seed, each looked at under a limit of time and memory."""

from __future__ import annotations

import random
import resource
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from tests.mutations.corpus import Corpus
from tests.mutations.forge import SEALED_ANEW, forge
from tests.mutations.judge import Believed, judge
from tests.mutations.mutate import Mutant, draw

_PATIENCE_S = 10.0
_ROOM = 1 << 30
"""Bytes that looking at one may take more than there are now."""
_FORGED = 0.05


class Hangs(Exception):
    """A reader did not come back."""


@dataclass(slots=True)
class Result:
    """`kinds`, `verdicts` and `ways` count mutants; `faults` tell of those that were believed, or that did harm."""

    mutants: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)
    ways: Counter[str] = field(default_factory=Counter)
    slowest_ms: float = 0.0
    grown_kib: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)


def run(corpus: Corpus, seed: int, mutants: int) -> Result:
    rng, result, begun = random.Random(seed), Result(mutants), time.process_time()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with _limits():
        for number in range(mutants):
            forged = rng.random() < _FORGED
            mutant = forge(corpus, rng) if forged else draw(corpus, rng)
            _look(corpus, mutant, result, f"seed {seed} number {number}")
    result.grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    result.seconds = time.process_time() - begun
    return result


def _look(corpus: Corpus, mutant: Mutant, result: Result, name: str) -> None:
    result.kinds[corpus.kind_of(mutant.path)] += 1
    result.ways[mutant.way] += 1
    begun = time.process_time()
    try:
        result.verdicts[verdict(corpus, mutant)] += 1
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
        result.faults.append(f"{name}: {mutant.path.name} {mutant.way}: {type(error).__name__}: {error}")
    result.slowest_ms = max(result.slowest_ms, 1_000 * (time.process_time() - begun))


def verdict(corpus: Corpus, mutant: Mutant) -> str:
    """Raises what a reader should not have raised, and Believed. A forged file may be believed: its seal fits."""
    signal.setitimer(signal.ITIMER_PROF, _PATIENCE_S)
    try:
        return judge(corpus, mutant)
    except Believed:
        if mutant.way == SEALED_ANEW:
            return "as sealed"
        raise
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


@contextmanager
def _limits() -> Iterator[None]:
    """Beyond them a reader meets Hangs or MemoryError."""
    limit, hard = resource.getrlimit(resource.RLIMIT_AS)
    here = _virtual_bytes() + _ROOM
    before = signal.signal(signal.SIGPROF, _on_alarm)
    resource.setrlimit(resource.RLIMIT_AS, (here, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
        signal.signal(signal.SIGPROF, before)


def _on_alarm(number: int, frame: FrameType | None) -> None:
    raise Hangs(f"no answer within {_PATIENCE_S:.0f} s of processor time")


def _virtual_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
