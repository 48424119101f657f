"""Cost of scoring: our models beside what else can score the same forest, in one run, on one core.

    make train
    python -m benchmarks.scoring.run [--features 3] [--rounds 5]

onnxruntime (with skl2onnx) and treelite take part where they are installed; nothing of ours needs them. The contestants
take turns within a round. Prints µs a vector, and the ratio to the best other at that size: above 1 is ours quicker.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import IsolationForest

from streamwatchd.models.isolation_forest import load as load_forest
from streamwatchd.models.lstm import load as load_lstm
from streamwatchd.repository.manifest import Feature
from streamwatchd.training import forest
from streamwatchd.training.history import history_of
from streamwatchd.training.threads import one_thread
from streamwatchd.training.train import Order, draft

Numbers = npt.NDArray[Any]
Contestant = Callable[[Numbers], Numbers]
SIZES = (1, 10, 100, 1_000, 10_000, 100_000)
TREES = 100
KEYS, UNITS = 10_000, 16
LEAST_SECONDS = 0.02


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--features", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with one_thread():
        _forests(asked.features, asked.rounds)
        _lstm(asked.rounds)


def _forests(features: int, rounds: int) -> None:
    rng = np.random.default_rng(0)
    vectors = rng.lognormal(0.0, 1.0, (max(SIZES), features)).astype(np.float32).astype(np.float64)
    contestants = dict(_contestants(vectors[:20_000]))
    usual = contestants["ours"](vectors[:1_000])
    for name, score in contestants.items():
        assert np.abs(score(vectors[:1_000]) - usual).max() < 1e-6, name
    print(f"Isolation Forest, {TREES} trees of 256 samples, {features} features; µs a vector, one core\n")
    print("| vectors a batch | " + " | ".join(contestants) + " | best other ÷ ours |")
    print("|---:|" + "---:|" * (len(contestants) + 1))
    for size in SIZES:
        found = {name: float("inf") for name in contestants}
        for _ in range(rounds):
            for name, score in contestants.items():
                found[name] = min(found[name], _seconds(score, vectors[:size]) / size * 1e6)
        best = min(cost for name, cost in found.items() if name != "ours")
        costs = " | ".join(f"{cost:,.2f}" for cost in found.values())
        print(f"| {size:,} | {costs} | {best / found['ours']:.2f} |", flush=True)


def _seconds(score: Contestant, vectors: Numbers) -> float:
    """Of one call, as many in turn as a clock can tell apart."""
    calls, begun = 0, time.perf_counter()
    while (spent := time.perf_counter() - begun) < LEAST_SECONDS or not calls:
        score(vectors)
        calls += 1
    return spent / calls


def _contestants(sample: Numbers) -> list[tuple[str, Contestant]]:
    """Raw scores, larger is odder, of the same trees."""
    keys = [("k",)] * len(sample)
    history = history_of(keys, 60_000 * (1 + np.arange(len(sample))), sample)
    order = Order("bench", 1, "isolation_forest", [Feature(f"f{i}") for i in range(sample.shape[1])], 60_000)
    ours = load_forest(draft(order, history), forest.fit(history, 60_000, 1, {"trees": TREES}, lambda share: None))
    theirs = IsolationForest(n_estimators=TREES, max_samples=256, random_state=1).fit(history.vectors)
    nothing = np.zeros((max(SIZES), 0))
    ends = np.zeros(max(SIZES), np.int64)
    found: list[tuple[str, Contestant]] = [
        ("ours", lambda vectors: ours.score(vectors, nothing[: len(vectors)], ends[: len(vectors)])[0]),
        ("scikit-learn", lambda vectors: -theirs.score_samples(vectors)),
    ]
    return found + _onnxruntime(theirs, sample) + _treelite(theirs)


def _onnxruntime(theirs: Any, sample: Numbers) -> list[tuple[str, Contestant]]:
    try:
        import onnxruntime
        from skl2onnx import to_onnx
    except ImportError:
        return []
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    model = to_onnx(theirs, sample[:1].astype(np.float32), target_opset={"": 17, "ai.onnx.ml": 3})
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    offset = float(theirs.offset_)

    def score(vectors: Numbers) -> Numbers:
        decision: Numbers = session.run(["scores"], {"X": vectors.astype(np.float32)})[0]
        return -(decision.ravel() + offset)

    return [("onnxruntime", score)]


def _treelite(theirs: Any) -> list[tuple[str, Contestant]]:
    try:
        import treelite
    except ImportError:
        return []
    model = treelite.sklearn.import_model(theirs)

    def score(vectors: Numbers) -> Numbers:
        found: Numbers = treelite.gtil.predict(model, vectors.astype(np.float32), nthread=1)
        return found.ravel()

    return [("treelite", score)]


def _lstm(rounds: int) -> None:
    rng = np.random.default_rng(0)
    order = Order("bench", 1, "lstm", [Feature("traffic")], 60_000)
    history = history_of([("k",)] * 3, 60_000 * (1 + np.arange(3)), np.ones((3, 1)))
    model = load_lstm(draft(order, history), _weights(rng))
    memory = np.full((KEYS, model.memory), np.nan)
    spent = []
    for instant in range(3 + rounds):
        vectors = rng.lognormal(10.0, 0.3, (KEYS, 1))
        ends = np.full(KEYS, 60_000 * (instant + 1), np.int64)
        begun = time.process_time()
        _, memory = model.score(vectors, memory, ends)
        spent.append(time.process_time() - begun)
    best = min(spent[3:])
    print(
        f"\nLSTM of {UNITS} units, {KEYS:,} keys an instant: {1e3 * best:.0f} ms, {1e6 * best / KEYS:.1f} µs a vector"
    )
    print(f"at a step of one minute {best / 60:.2%} of a core")


def _weights(rng: np.random.Generator) -> dict[str, Numbers]:
    shapes = {"inputs": (5, 4 * UNITS), "recurrent": (UNITS, 4 * UNITS), "bias": (4 * UNITS,)}
    shapes |= {"head": (UNITS + 4, 1), "head_bias": (1,)}
    arrays = {name: rng.normal(0, 0.2, shape) for name, shape in shapes.items()}
    pace: dict[str, Numbers] = {
        "unit": np.ones(1),
        "error": np.ones(1),
        "log": np.ones(1, np.uint8),
        "rates": np.array([1e-3, 1e-3]),
    }
    return {**arrays, **pace, "periods": np.array([1], np.int64)}


if __name__ == "__main__":
    main()
