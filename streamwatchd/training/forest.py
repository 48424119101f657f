"""An Isolation Forest by scikit-learn, as arrays; on request with trees that know which features go together."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from streamwatchd.errors import UnreadableInput, how_to_install
from streamwatchd.models.isolation_forest import mean_path
from streamwatchd.training.history import Advance, History

_CONTRAST_DEPTH, _CONTRAST = 8, 2.0
"""A leaf that holds real vectors alone is so many times as deep as isolation is on average."""
Arrays = dict[str, npt.NDArray[Any]]


def fit(history: History, every_ms: int, seed: int, given: dict[str, int], advance: Advance) -> Arrays:
    """`given` may have `trees`, `samples` and `contrast`. Cuts are single-precision numbers, as scikit-learn compares:
    a node takes 14 bytes.

    Isolation alone finds what is far out in a feature; what is odd only together lies inside every range. So there may
    be `contrast` trees beside: they tell vectors from such whose features were drawn apart from each other (Breiman's
    unsupervised forests, 2001; Shi and Horvath 2006), and a leaf is as deep as it holds real ones.
    """
    forest_class = _scikit_learn()
    samples = min(given.get("samples", 256), len(history))
    forest = forest_class(n_estimators=given.get("trees", 100), max_samples=samples, random_state=seed)
    forest.fit(history.vectors)
    advance(0.5)
    trees = [
        _tree(each.tree_, chosen) for each, chosen in zip(forest.estimators_, forest.estimators_features_, strict=True)
    ]
    trees += _contrast(history, given["contrast"], seed, samples) if given.get("contrast") else []
    advance(0.9)
    sizes = [len(left) for _, _, left, _ in trees]
    roots = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    return {
        "feature": np.concatenate([each[0] for each in trees]).astype(np.int16),
        "threshold": np.concatenate([each[1] for each in trees]).astype(np.float32),
        "left": np.concatenate([each[2] + root for each, root in zip(trees, roots)]).astype(np.int32),
        "value": np.concatenate([each[3] for each in trees]).astype(np.float32),
        "roots": roots.astype(np.int32),
        "samples": np.array([float(samples)]),
        "center": np.median(history.vectors, axis=0),
    }


def _contrast(history: History, trees: int, seed: int, samples: int) -> list[tuple[npt.NDArray[Any], ...]]:
    """Raises UnreadableInput for a single feature, which goes together with nothing."""
    from sklearn.ensemble import ExtraTreesClassifier

    vectors = history.vectors
    if vectors.shape[1] < 2:
        raise UnreadableInput("`contrast` needs two features at least: one alone goes together with nothing")
    chance = np.random.default_rng(seed)
    apart = np.column_stack([chance.permutation(column) for column in vectors.T])
    forest = ExtraTreesClassifier(
        n_estimators=trees, max_depth=_CONTRAST_DEPTH, min_samples_leaf=5, max_features=None, random_state=seed
    )
    forest.fit(np.concatenate([vectors, apart]), np.repeat([1, 0], len(vectors)))
    deepest = _CONTRAST * float(mean_path(np.array([float(samples)]))[0])
    everything = np.arange(vectors.shape[1])
    return [_tree(each.tree_, everything, deepest * each.tree_.value[:, 0, 1]) for each in forest.estimators_]


def _tree(tree: Any, chosen: npt.NDArray[Any], values: npt.NDArray[Any] | None = None) -> tuple[npt.NDArray[Any], ...]:
    """Feature, threshold, left child and value of each node, level by level, so that right children follow left.

    A leaf's value is its depth, and what it would take to set its samples apart, unless `values` says another.
    """
    left, right = tree.children_left, tree.children_right
    order, depth = np.zeros(1, np.intp), np.zeros(1)
    nodes, depths = [order], [depth]
    while len(order := order[left[order] >= 0]):
        order = np.stack([left[order], right[order]], axis=1).ravel()
        nodes.append(order)
        depths.append(np.full(len(order), float(len(depths))))
    found, deep = np.concatenate(nodes), np.concatenate(depths)
    place = np.empty(len(found), np.intp)
    place[found] = np.arange(len(found))
    leaf = left[found] < 0
    return (
        np.where(leaf, 0, chosen[np.maximum(tree.feature[found], 0)]),
        np.where(leaf, 0.0, tree.threshold[found]),
        np.where(leaf, np.arange(len(found)), place[np.maximum(left[found], 0)]),
        np.where(leaf, _depths(tree, found, deep) if values is None else values[found], 0.0),
    )


def _depths(tree: Any, found: npt.NDArray[Any], deep: npt.NDArray[Any]) -> npt.NDArray[Any]:
    depths: npt.NDArray[Any] = deep + mean_path(tree.n_node_samples[found].astype(np.float64))
    return depths


def _scikit_learn() -> Any:
    try:
        from sklearn.ensemble import IsolationForest
    except ImportError as error:
        raise UnreadableInput("training a forest needs scikit-learn: " + how_to_install("scikit-learn>=1.5")) from error
    return IsolationForest
