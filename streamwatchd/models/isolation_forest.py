"""Isolation Forest (Liu, Ting and Zhou, ICDM 2008): what few random cuts set apart is odd.

The raw score is 2^(−mean path length / c), c the mean path length in a tree of so many samples: 0.5 is nothing
special, 1 as odd as can be.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from streamwatchd.errors import ModelRejected
from streamwatchd.models import Arrays, Instants, Kind, Vectors
from streamwatchd.models._forest import Nodes, Sums
from streamwatchd.repository.artifact import array_of
from streamwatchd.repository.grid import settled
from streamwatchd.repository.manifest import Manifest

_DEEPEST = 64
_MOST_NODES = 4_000_000
_MOST_DEPTH = 2.0**20
"""Of all trees together: sums of values on the grid of 2⁻³² are exact up to twice that."""


def mean_path(samples: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The mean length of an unsuccessful search in a binary tree of so many samples."""
    found = np.where(samples == 2, 1.0, 0.0)
    many = samples > 2
    rest = samples[many] - 1.0
    found[many] = 2.0 * (np.log(rest) + np.euler_gamma) - 2.0 * rest / samples[many]
    return found


class Forest:
    memory = 0

    def __init__(self, nodes: Nodes, features: int, scale: float, center: Vectors) -> None:
        self._sums = Sums(nodes, features)
        self._scale = scale * len(nodes.roots)
        self._center = center

    def score(self, vectors: Vectors, memory: Vectors, ends_ms: Instants) -> tuple[npt.NDArray[np.float64], Vectors]:
        return self._raw(vectors), memory

    def _raw(self, vectors: Vectors) -> npt.NDArray[np.float64]:
        return settled(np.exp2(-self._sums.of(vectors) / self._scale))

    def drivers(self, vectors: Vectors, memory: Vectors, ends_ms: Instants) -> Vectors:
        """By how much the score falls when the feature is what it usually is."""
        raw = self._raw(vectors)
        falls = np.zeros(vectors.shape)
        for feature in range(vectors.shape[1]):
            usual = vectors.copy()
            usual[:, feature] = self._center[feature]
            falls[:, feature] = np.maximum(raw - self._raw(usual), 0.0)
        total = falls.sum(axis=1, keepdims=True)
        return falls / np.where(total > 0, total, 1.0)


def load(manifest: Manifest, arrays: Arrays) -> Forest:
    """Checks that the nodes are trees: every walk goes forward and ends."""
    features = len(manifest.features)
    feature = array_of(arrays, "feature", "iu", (None,)).astype(np.intp)
    count = len(feature)
    if not 1 <= count <= _MOST_NODES:
        raise ModelRejected(f"{count} nodes (1 to {_MOST_NODES:,})")
    threshold = array_of(arrays, "threshold", "f", (count,)).astype(np.float64)
    left = array_of(arrays, "left", "iu", (count,)).astype(np.intp)
    value = array_of(arrays, "value", "f", (count,)).astype(np.float64)
    roots = array_of(arrays, "roots", "iu", (None,)).astype(np.intp)
    samples = float(array_of(arrays, "samples", "f", (1,))[0])
    center = array_of(arrays, "center", "f", (features,)).astype(np.float64)
    depth = _check(feature, left, roots, features)
    if not 2 <= samples <= 2**31 or (value < 0).any() or float(value.max()) * len(roots) > _MOST_DEPTH:
        raise ModelRejected("`samples` or `value` is out of range")
    leaf = left == np.arange(count)
    nodes = Nodes(
        feature=feature,
        threshold=np.where(leaf, np.inf, threshold),
        left=left,
        value=np.where(leaf, settled(value), 0.0),
        roots=roots,
        depth=depth,
    )
    return Forest(nodes, features, float(mean_path(np.array([samples]))[0]), center)


def _check(
    feature: npt.NDArray[np.intp], left: npt.NDArray[np.intp], roots: npt.NDArray[np.intp], features: int
) -> int:
    """The depth of the deepest tree. Raises ModelRejected unless every node but the roots has one parent, before it."""
    count = len(feature)
    places = np.arange(count)
    inner = left != places
    if not (0 < len(roots) <= 10_000 and roots[0] == 0 and (np.diff(roots) > 0).all() and roots[-1] < count):
        raise ModelRejected("`roots` does not name where trees begin")
    if (feature < 0).any() or (feature >= features).any():
        raise ModelRejected(f"a node compares a feature that is none of the {features}")
    ends = np.append(roots[1:], count)[np.searchsorted(roots, places, side="right") - 1]
    if (left[inner] <= places[inner]).any() or (left[inner] + 1 >= ends[inner]).any():
        raise ModelRejected("a node has a child before it or in another tree")
    parents = np.bincount(np.concatenate([left[inner], left[inner] + 1]), minlength=count)
    wanted = np.ones(count, np.int64)
    wanted[roots] = 0
    if (parents != wanted).any():
        raise ModelRejected("a node has no parent or two")
    return _depth(left, inner, roots)


def _depth(left: npt.NDArray[np.intp], inner: npt.NDArray[np.bool_], roots: npt.NDArray[np.intp]) -> int:
    at, depth = roots, 0
    while len(at := at[inner[at]]):
        at = np.concatenate([left[at], left[at] + 1])
        depth += 1
        if depth > _DEEPEST:
            raise ModelRejected(f"a tree is more than {_DEEPEST} levels deep")
    return depth


SPEC = Kind(
    "isolation_forest",
    "How few random cuts set a vector apart from those it was trained on. For odd combinations of several features.",
    ("feature", "threshold", "left", "value", "roots", "samples", "center"),
    load,
)
