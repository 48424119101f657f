"""An Isolation Forest by scikit-learn, as arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from streamwatchd.errors import UnreadableInput
from streamwatchd.models.isolation_forest import mean_path
from streamwatchd.training.history import Advance, History

Arrays = dict[str, npt.NDArray[Any]]


def fit(history: History, every_ms: int, seed: int, given: dict[str, int], advance: Advance) -> Arrays:
    """`given` may have `trees` and `samples`. The cuts lie on single-precision numbers, as scikit-learn makes them."""
    forest_class = _scikit_learn()
    samples = min(given.get("samples", 256), len(history))
    forest = forest_class(n_estimators=given.get("trees", 100), max_samples=samples, random_state=seed)
    forest.fit(history.vectors)
    advance(0.5)
    trees = [
        _tree(each.tree_, chosen) for each, chosen in zip(forest.estimators_, forest.estimators_features_, strict=True)
    ]
    advance(0.9)
    sizes = [len(left) for _, _, left, _ in trees]
    roots = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    return {
        "feature": np.concatenate([each[0] for each in trees]).astype(np.int32),
        "threshold": np.concatenate([each[1] for each in trees]),
        "left": np.concatenate([each[2] + root for each, root in zip(trees, roots)]).astype(np.int32),
        "value": np.concatenate([each[3] for each in trees]),
        "roots": roots.astype(np.int32),
        "samples": np.array([float(samples)]),
        "center": np.median(history.vectors, axis=0),
    }


def _tree(tree: Any, chosen: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], ...]:
    """Feature, threshold, left child and value of each node, level by level, so that right children follow left."""
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
        np.where(leaf, deep + mean_path(tree.n_node_samples[found].astype(np.float64)), 0.0),
    )


def _scikit_learn() -> Any:
    try:
        from sklearn.ensemble import IsolationForest
    except ImportError as error:
        raise UnreadableInput("training a forest needs scikit-learn: pip install 'streamwatchd[train]'") from error
    return IsolationForest
