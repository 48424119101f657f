"""The shelf of models that score: one kind a file, each nothing but arrays and the arithmetic on them.

A model is an artifact of plain arrays and a manifest; no code comes with it, and none runs for it but what stands here.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from streamwatchd.errors import ModelRejected
from streamwatchd.registry import Shelf
from streamwatchd.repository.manifest import Manifest
from streamwatchd.repository.store import ModelData

Vectors = npt.NDArray[np.float64]
Instants = npt.NDArray[np.int64]
Arrays = Mapping[str, npt.NDArray[np.generic]]


class Scorer(Protocol):
    """A loaded model. What it says of a row depends on that row and its state alone, to the last bit: never on what
    else is in the batch.

    `memory` is how many float64 numbers it keeps per key, 0 for none.
    """

    memory: int

    def score(self, vectors: Vectors, memory: Vectors, ends_ms: Instants) -> tuple[npt.NDArray[np.float64], Vectors]:
        """Raw scores (n,), larger is odder, of finite `vectors` (n, features), and the memory (n, memory) after them.

        `ends_ms` (n,) are the ends of their windows, since 1970. A key's first memory is all NaN; a raw score is NaN
        where the model can't say yet. A model with memory sees a key once in a batch, and its vectors in order of time.
        """

    def drivers(self, vectors: Vectors, memory: Vectors, ends_ms: Instants) -> Vectors:
        """How much each feature drove the score of each row, (n, features), each ≥ 0 and summing to 1, or all 0.

        `memory` is what it was before the row.
        """


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of model. `load` raises ModelRejected for arrays that are not one; `summary` is a sentence of Markdown.

    `arrays` names what an artifact of this kind holds.
    """

    name: str
    summary: str
    arrays: tuple[str, ...]
    load: Callable[[Manifest, Arrays], Scorer]


KINDS: Mapping[str, Kind] = Shelf(__name__, __path__, Kind)

_MOST_OPEN = 64
_open: OrderedDict[str, Scorer] = OrderedDict()


def open_model(data: ModelData) -> Scorer:
    """A version ready to score; equal content is made ready once a process, as it holds no state.

    Raises ModelRejected for what its kind does not take.
    """
    found = _open.get(data.digest)
    if found is None:
        kind = KINDS.get(data.manifest.kind)
        if kind is None:
            known = ", ".join(KINDS)
            raise ModelRejected(f"{data.manifest.id} is of the kind `{data.manifest.kind}`; known: {known}")
        found = _open[data.digest] = kind.load(data.manifest, data.arrays)
        while len(_open) > _MOST_OPEN:
            _open.popitem(last=False)
    return found


def forget_open() -> None:
    """Make ready anew what comes next."""
    _open.clear()
