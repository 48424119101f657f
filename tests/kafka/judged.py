"""A daemon that judges every key each second by a stump, and the versions of it that are told apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from streamwatchd.ports.disk import RealDisk
from streamwatchd.repository.store import ModelStore
from tests.kafka.site import Site
from tests.models.stump import put_stump

EACH = """
source: events
every: 1s
rules:
  - anomaly: each
    by: k
    model: mix
    values: {n: count()}
    features: [n]
    when: score >= 0
"""


class Judged(Site):
    """Version 1 finds nothing odd; `hold` is for how long another must misbehave before it is taken back."""

    def __init__(self, servers: str, folder: Path, hold: str) -> None:
        self.socket, self.models = folder / "socket", folder / "models"
        self.store = ModelStore(RealDisk(), self.models)
        super().__init__(servers, folder, self_alerts=f"{{model_hold: {hold}}}", control_socket=str(self.socket))
        self.put(1, threshold=1e9)
        (folder / "rules.d" / "each.yaml").write_text(EACH)

    def put(self, version: int, *, threshold: float, **changes: Any) -> None:
        put_stump(self.models, "mix", "n", version=version, threshold=threshold, every_ms=1_000, **changes)

    def status_under_traffic(self, version: int) -> str:
        """Bit by bit: what a daemon sees first may be of a snapshot, so only what comes after it counts."""
        self.feed(500)
        return self.store.status("mix", version).status
