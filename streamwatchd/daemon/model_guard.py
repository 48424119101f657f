"""Takes back a version of a model that floods, drifts or is blind: withdraws it in the repository, with an audit line.

The older good version takes effect as any change does: the watcher sees the repository change. A model is taken back
once a day at most, so that an incident which every version calls odd does not take one after the other.
"""

from __future__ import annotations

from collections.abc import Callable

from streamwatchd.daemon.logs import Log
from streamwatchd.daemon.metrics import Metrics
from streamwatchd.daemon.selfwatch.document import RULE, Document
from streamwatchd.errors import Unavailable
from streamwatchd.operators.document import iso
from streamwatchd.ports.clock import Clock
from streamwatchd.ports.open_files import open_files
from streamwatchd.repository.store import GOOD, WITHDRAWN, ModelStore, Status
from streamwatchd.settings import Settings

FLOODS, DRIFTS, BLIND = RULE + "model_floods", RULE + "model_drifts", RULE + "model_blind"
BY = "streamwatchd"
_PAUSE_MS = 86_400_000


class ModelGuard:
    """`hear` every self-alert as it is told; `changed` is called when the repository has."""

    def __init__(
        self, settings: Settings, metrics: Metrics, clock: Clock, log: Log, changed: Callable[[], None]
    ) -> None:
        self._settings, self._metrics, self._clock, self._log = settings, metrics, clock, log
        self._changed = changed

    def hear(self, document: Document) -> None:
        if document["rule"] in (FLOODS, DRIFTS, BLIND) and document["event"] == "fired":
            model, version = str(document["key"]["model"]), int(document["key"]["version"])
            try:
                self._take_back(model, version, str(document["message"]))
            except Unavailable as error:
                self._log.error("model_not_rolled_back", model=model, version=version, reason=str(error))

    def _take_back(self, model: str, version: int, reason: str) -> None:
        files, root = open_files(self._settings.models, self._settings.snapshot_store_options)
        store = ModelStore(files, root)
        older = [each for each in store.versions(model) if each < version and store.status(model, each).status == GOOD]
        why_not = self._why_not(store, model, version, older)
        if why_not:
            self._log.warning("model_stays", model=model, version=version, reason=why_not)
            return
        now = iso(self._clock.now_ms())
        store.set_status(model, version, Status(WITHDRAWN, at=now, by=BY, reason=reason))
        labels = (("model", model), ("to", str(older[-1])), ("version", str(version)))
        self._metrics.add("model_rollbacks_total", 1, labels)
        self._log.warning("model_rolled_back", model=model, version=version, to=older[-1], reason=reason)
        self._changed()

    def _why_not(self, store: ModelStore, model: str, version: int, older: list[int]) -> str:
        if store.status(model, version).status != GOOD or version not in store.versions(model):
            return "it is not a good version of the repository"
        if not older:
            return "there is no older good version"
        since = iso(self._clock.now_ms() - _PAUSE_MS)
        if any(line.get("by") == BY and str(line.get("at")) > since for line in store.audited(model)):
            return "a version was rolled back in the last 24 hours"
        return ""
