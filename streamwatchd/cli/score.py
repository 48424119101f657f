"""What a model said of a row, in lines: the score, and which features drove it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def score_lines(document: Mapping[str, Any]) -> Iterator[str]:
    """Of an anomaly event: the score first, then each feature with its part, the greatest first."""
    version = f"{document['model']}@{document['version']}"
    window = f"the window to {document['window']['end']}"
    if document["score"] is None:
        nothing = [name for name in document["features"] if document["values"].get(name) is None]
        why = f": {', '.join(nothing)} null" if nothing else ": it has not seen enough of the key yet"
        yield f"{version} gives no score to {window}{why}"
        return
    yield f"{document['score']:.4f} by {version} for {window}; {document['confidence']:.4%} of normal rows are less odd"
    drivers = document["drivers"]
    if not any(drivers.values()):
        yield "no feature stands out"
        return
    width = max(map(len, drivers))
    for name, part in sorted(drivers.items(), key=lambda each: -each[1]):
        yield f"{name:<{width}}  {part:>5.0%} of it  (value {document['values'].get(name)})"
