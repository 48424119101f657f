"""Path lengths in a forest, for a whole batch: exact, and the same for a row whatever stands beside it.

Two ways with one answer. Few rows walk all trees at once, a level at a time. Many rows use bit masks (QuickScorer,
Lucchese et al., SIGIR 2015): a leaf is a bit; every threshold that a row exceeds takes the leaves to its left out; the
lowest bit that is left is the row's leaf. What a feature leaves over depends on the rank of its value alone, so one
look-up per feature and tree finds it.

Leaf values lie on a grid of 2⁻³², so that their sums are exact and do not depend on the order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp]
_FEW = 96
_BLOCK = 32_768
"""Rows at once: the look-ups of a forest of 100 trees of 256 samples are some 20 MB, read anew for each block."""
_MOST_WALKS = 1 << 20
"""Rows times trees at once."""
LARGEST_MASKS = 512 << 20
"""Bytes. They grow with the square of the nodes: a forest that would need more walks all rows."""
_BIAS = 1_023


@dataclass(frozen=True, eq=False)
class Nodes:
    """All nodes of all trees: `left` of a leaf is itself, the right child of a node follows its left one.

    A row goes right where its feature is above `threshold` (+inf at leaves). `value` is 0 but at leaves.
    """

    feature: Index
    threshold: Numbers
    left: Index
    value: Numbers
    roots: Index
    depth: int


def walk(nodes: Nodes, vectors: Numbers) -> Numbers:
    """The sum of leaf values per row."""
    block = max(_MOST_WALKS // len(nodes.roots), 1)
    if len(vectors) > block:
        return np.concatenate([walk(nodes, vectors[at : at + block]) for at in range(0, len(vectors), block)])
    rows = np.arange(len(vectors))[:, None]
    at = np.broadcast_to(nodes.roots, (len(vectors), len(nodes.roots)))
    for _ in range(nodes.depth):
        at = nodes.left[at] + (vectors[rows, nodes.feature[at]] > nodes.threshold[at])
    found: Numbers = nodes.value[at].sum(axis=1)
    return found


@dataclass(frozen=True, eq=False)
class _TreeMasks:
    """Per 63 leaves: what each rank of each feature leaves over, and the value by the exponent of the lowest bit."""

    words: tuple[tuple[tuple[npt.NDArray[np.int64], ...], Numbers], ...]


class Masks:
    """The look-ups of a forest with these `cuts_of` it, made once when its model is loaded."""

    def __init__(self, nodes: Nodes, cuts: list[Numbers]) -> None:
        self.cuts = cuts
        self._trees = [self._tree(nodes, root, end) for root, end in _ranges(nodes)]

    def _tree(self, nodes: Nodes, root: int, end: int) -> _TreeMasks:
        first, last, leaves = _spans(nodes, root, end)
        own = np.arange(root, end)
        inner = own[nodes.left[own] != own]
        size = (len(leaves) + 62) // 63
        words = []
        for word in range(size):
            tables = tuple(
                self._table(nodes, inner[nodes.feature[inner] == f], first, last, word, root, f)
                for f in range(len(self.cuts))
                if (nodes.feature[inner] == f).any()
            )
            values = np.zeros(_BIAS + 64)
            mine = nodes.value[leaves[word * 63 : word * 63 + 63]]
            values[_BIAS : _BIAS + len(mine)] = mine
            words.append((tables, values))
        return _TreeMasks(tuple(words))

    def _table(
        self, nodes: Nodes, mine: Index, first: Index, last: Index, word: int, root: int, feature: int
    ) -> npt.NDArray[np.int64]:
        """By rank among all cuts of the feature, the leaves of the word that its nodes leave over; entry 0: rank 0."""
        order = mine[np.argsort(nodes.threshold[mine], kind="stable")]
        below = nodes.left[order] - root
        masks = ~_bits(first[below], last[below], word)
        kept = np.concatenate([[-1], np.bitwise_and.accumulate(masks)]) & ((1 << 63) - 1)
        table: npt.NDArray[np.int64] = kept[
            np.concatenate([[0], np.searchsorted(nodes.threshold[order], self.cuts[feature], side="right")])
        ]
        return np.concatenate([table, [feature]])

    def sums(self, vectors: Numbers) -> Numbers:
        """The sum of leaf values per row."""
        found = np.empty(len(vectors))
        for begin in range(0, len(vectors), _BLOCK):
            block = vectors[begin : begin + _BLOCK]
            ranks = [np.searchsorted(cuts, block[:, f], side="left") for f, cuts in enumerate(self.cuts)]
            found[begin : begin + len(block)] = self._block(ranks, len(block))
        return found

    def _block(self, ranks: list[Index], size: int) -> Numbers:
        total = np.zeros(size)
        left, other = np.empty(size, np.int64), np.empty(size, np.int64)
        part = np.empty(size)
        for tree in self._trees:
            done = None
            for tables, values in tree.words:
                _left_over(tables, ranks, left, other)
                if done is not None:
                    left *= done
                if len(tree.words) > 1:
                    done = (left == 0) if done is None else done & (left == 0)
                np.negative(left, out=other)
                left &= other
                exponent = left.astype(np.float64).view(np.int64)
                exponent >>= 52
                np.take(values, exponent, out=part, mode="clip")
                total += part
        return total


def _left_over(
    tables: tuple[npt.NDArray[np.int64], ...],
    ranks: list[Index],
    left: npt.NDArray[np.int64],
    other: npt.NDArray[np.int64],
) -> None:
    """Into `left`, by `other`."""
    left.fill((1 << 63) - 1)
    for table in tables:
        np.take(table, ranks[int(table[-1])], out=other, mode="clip")
        left &= other


def _spans(nodes: Nodes, root: int, end: int) -> tuple[Index, Index, Index]:
    """Per node of a tree the range of leaves below it, numbered from left to right, and the nodes of the leaves."""
    first, last = np.zeros(end - root, np.intp), np.zeros(end - root, np.intp)
    leaves: list[int] = []
    stack = [(root, False)]
    while stack:
        node, seen = stack.pop()
        left = int(nodes.left[node])
        if left == node:
            first[node - root] = len(leaves)
            leaves.append(node)
            last[node - root] = len(leaves)
        elif seen:
            first[node - root], last[node - root] = first[left - root], last[left + 1 - root]
        else:
            stack += [(node, True), (left + 1, False), (left, False)]
    return first, last, np.array(leaves, np.intp)


def _bits(first: Index, last: Index, word: int) -> npt.NDArray[np.int64]:
    """Those of the leaves first … last − 1 that are in this word of 63."""
    low, high = (np.clip(each - 63 * word, 0, 63).astype(np.uint64) for each in (first, last))
    one = np.uint64(1)
    return ((one << high) - (one << low)).astype(np.int64)


def cuts_of(nodes: Nodes, features: int) -> list[Numbers]:
    """The thresholds of each feature, ascending, each once."""
    inner = nodes.left != np.arange(len(nodes.left))
    return [np.unique(nodes.threshold[inner & (nodes.feature == f)]) for f in range(features)]


def _ranges(nodes: Nodes) -> Iterator[tuple[int, int]]:
    """The nodes of each tree: its root, and the node after its last."""
    return pairwise([*nodes.roots.tolist(), len(nodes.left)])


def masks_bytes(nodes: Nodes, cuts: list[Numbers]) -> int:
    """What `Masks` would take: a table for each tree, word of leaves and feature, by all cuts of the feature."""
    entries = np.array([len(each) + 2 for each in cuts])
    leaf = nodes.left == np.arange(len(nodes.left))
    total = 0
    for root, end in _ranges(nodes):
        words = (int(leaf[root:end].sum()) + 62) // 63
        used = np.unique(nodes.feature[root:end][~leaf[root:end]])
        total += words * 8 * int(entries[used].sum())
    return total


class Sums:
    """The sum of leaf values per row, by the way that is quicker for so many rows."""

    def __init__(self, nodes: Nodes, features: int) -> None:
        cuts = cuts_of(nodes, features)
        self._nodes = nodes
        self._masks = Masks(nodes, cuts) if masks_bytes(nodes, cuts) <= LARGEST_MASKS else None

    def of(self, vectors: Numbers) -> Numbers:
        if self._masks is None or len(vectors) <= _FEW:
            return walk(self._nodes, vectors)
        return self._masks.sums(vectors)
