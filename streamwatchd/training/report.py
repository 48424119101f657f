"""A training's report: one HTML file with its pictures inside, and the pictures as PNG files beside it."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from streamwatchd.batch import Value, key_text
from streamwatchd.errors import UnreadableInput, how_to_install
from streamwatchd.operators.document import iso
from streamwatchd.repository.calibration import alarms_per_day, raw_at
from streamwatchd.repository.manifest import Feature
from streamwatchd.training.history import History
from streamwatchd.training.train import THRESHOLDS, Trained, begins

_STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#1b1f24}
table{border-collapse:collapse;margin:.6rem 0}td,th{text-align:left;padding:.2rem .9rem .2rem 0;vertical-align:top}
th{font-weight:600;color:#57606a}img{max-width:100%}h2{margin-top:2rem}pre{background:#f6f8fa;padding:.8rem;overflow:auto}"""
_ODDEST = 20
_SHOWN_KEYS = 3


@runtime_checkable
class _Forecasts(Protocol):
    def forecast(self, vectors: Any, memory: Any, ends_ms: Any) -> tuple[Any, Any]: ...


def write_report(trained: Trained, history: History, folder: Path) -> Path:
    """`report.html`, `scores.png` and, for kinds that forecast, `forecast.png`. Returns the first.

    Raises UnreadableInput where matplotlib is not installed, OSError where the folder can't be written.
    """
    plot = _plotting()
    folder.mkdir(parents=True, exist_ok=True)
    pictures = {"scores.png": _distribution(plot, trained, history)}
    if isinstance(trained.scorer, _Forecasts):
        pictures["forecast.png"] = _forecast(plot, trained, history, trained.scorer)
    for name, data in pictures.items():
        (folder / name).write_bytes(data)
    path = folder / "report.html"
    path.write_text(_page(trained, history, pictures))
    return path


def _plotting() -> Any:
    try:
        import matplotlib as library
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UnreadableInput("a report needs matplotlib: " + how_to_install("matplotlib>=3.9")) from error
    library.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    return Figure


def _png(figure: Any) -> bytes:
    """Equal pictures give equal bytes: no time and no version inside."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=110, bbox_inches="tight", metadata={"Software": None})
    return file.getvalue()


def _distribution(plot: Any, trained: Trained, history: History) -> bytes:
    """Raw scores of held-back and of later vectors, those left out apart, and where the thresholds lie."""
    figure = plot(figsize=(9, 3.4))
    axes = figure.add_subplot()
    known = np.isfinite(trained.raw)
    groups = {
        "held back": trained.held_back & known,
        "judged": trained.judged & history.normal & known,
        "left out": ~history.normal & known,
    }
    edges = np.linspace(float(np.nanmin(trained.raw)), float(np.nanmax(trained.raw)), 80)
    for (name, rows), colour in zip(groups.items(), ("#8c959f", "#0969da", "#cf222e")):
        if rows.any():
            axes.hist(trained.raw[rows], edges, histtype="step", linewidth=1.4, label=name, color=colour, log=True)
    for threshold in THRESHOLDS:
        at = raw_at(trained.manifest.calibration, threshold)
        axes.axvline(at, color="#1b1f24", linewidth=0.8, linestyle=":")
        axes.annotate(f"{threshold:g}", (at, 1.0), xycoords=("data", "axes fraction"), ha="center", va="bottom")
    axes.set(xlabel="raw score", ylabel="vectors")
    axes.legend(frameon=False)
    return _png(figure)


def _forecast(plot: Any, trained: Trained, history: History, scorer: _Forecasts) -> bytes:
    """First feature of the keys with the highest scores, over the judged part."""
    rows = np.flatnonzero(trained.judged & np.isfinite(trained.raw))
    best = [int(history.key[row]) for row in rows[np.argsort(-trained.raw[rows], kind="stable")]]
    keys = list(dict.fromkeys(best))[:_SHOWN_KEYS]
    figure = plot(figsize=(9, 2.2 * max(len(keys), 1)))
    panels = figure.subplots(max(len(keys), 1), 1, sharex=True, squeeze=False)[:, 0]
    for axes, key in zip(panels, keys):
        mine = rows[history.key[rows] == key]
        expected, came = scorer.forecast(history.vectors[mine], trained.memory[mine], history.ends_ms[mine])
        at = history.ends_ms[mine].astype("datetime64[ms]")
        axes.plot(at, came[:, 0], color="#1b1f24", linewidth=0.9, label="actual")
        axes.plot(at, expected[:, 0], color="#0969da", linewidth=0.9, label="forecast")
        odd = trained.score[mine] > THRESHOLDS[0]
        axes.plot(at[odd], came[odd, 0], "o", color="#cf222e", markersize=4, label=f"score > {THRESHOLDS[0]:g}")
        axes.set_title(_key(history.keys[key]), loc="left", fontsize=9)
        axes.set_ylabel(f"{trained.manifest.features[0].name}, in spreads")
    if keys:
        panels[0].legend(frameon=False, ncols=3, loc="lower right", bbox_to_anchor=(1.0, 1.0))
    panels[-1].set_xlabel("end of the window, month-day hour in UTC")
    return _png(figure)


def _page(trained: Trained, history: History, pictures: Mapping[str, bytes]) -> str:
    manifest = trained.manifest
    body = [f"<h1>{html.escape(manifest.id)}</h1>", _table(_facts(trained, history))]
    body += ["<h2>Alarms to expect of normal keys</h2>", _table(_expected(trained))]
    titles = {"scores.png": "Scores", "forecast.png": "Forecast and actual, in usual spreads"}
    for name, data in pictures.items():
        source = base64.b64encode(data).decode()
        body += [f"<h2>{titles[name]}</h2>", f'<img alt="{titles[name]}" src="data:image/png;base64,{source}">']
    body += ["<h2>The oddest of the last part</h2>", _table(_oddest(trained, history), head=True)]
    body += ["<h2>The rule</h2>", f"<pre>{html.escape(manifest.training.query)}</pre>"]
    title = html.escape(manifest.id)
    return f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>' + (
        "\n".join(body) + "</html>\n"
    )


def _facts(trained: Trained, history: History) -> list[tuple[str, ...]]:
    manifest = trained.manifest
    training, tail = manifest.training, manifest.calibration.tail
    return [
        ("kind", manifest.kind),
        ("features", ", ".join(map(_feature, manifest.features))),
        ("learned from", f"{training.source}, rule {training.rule}"),
        ("time", f"{training.begin} to {training.end}"),
        ("vectors", f"{training.vectors:,} of {training.keys:,} keys, {training.left_out:,} left out"),
        ("one vector a key", f"every {manifest.every_ms / 1000:g} s"),
        ("tail", f"shape {tail.shape:.3f} ± {tail.shape_error:.3f}, of {tail.vectors:,} vectors"),
        ("settings", ", ".join(f"{name} {value}" for name, value in manifest.hyperparameters.items()) or "defaults"),
        ("seed", str(training.seed)),
    ]


def _feature(feature: Feature) -> str:
    """With what it is made of, where its name does not say that."""
    made = "" if feature.aggregate in ("", feature.name) else f" ({feature.aggregate})"
    return feature.name + made


def _expected(trained: Trained) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for threshold in THRESHOLDS:
        seen = trained.manifest.metrics[f"alarms_per_key_and_day_{threshold:g}"]
        promised = alarms_per_day(threshold)
        found.append(
            (f"score > {threshold:g}", f"{promised:.3f} a key and day promised, {seen:.3f} seen in the last part")
        )
    return found


def _oddest(trained: Trained, history: History) -> list[tuple[str, ...]]:
    begun = begins(history, trained.score > 0.5) & trained.judged
    rows = np.flatnonzero(begun)
    rows = rows[np.argsort(-trained.raw[rows], kind="stable")][:_ODDEST]
    names = [feature.name for feature in trained.manifest.features]
    found: list[tuple[str, ...]] = [("window end", "key", "score", *names)]
    for row in rows.tolist():
        end = iso(int(history.ends_ms[row]))
        key = _key(history.keys[int(history.key[row])])
        found.append((end, key, f"{trained.score[row]:.4f}", *(f"{value:.4g}" for value in history.vectors[row])))
    return found


def _key(key: tuple[Value, ...]) -> str:
    return " ".join(key_text(value) or "" for value in key)


def _table(rows: list[tuple[str, ...]], head: bool = False) -> str:
    lines = []
    for number, row in enumerate(rows):
        first = "th" if head and number == 0 else "td"
        cells = [
            f"<{tag}>{html.escape(cell)}</{tag}>"
            for tag, cell in zip([("th" if not head else first), *[first] * (len(row) - 1)], row)
        ]
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return f"<table>{''.join(lines)}</table>"
