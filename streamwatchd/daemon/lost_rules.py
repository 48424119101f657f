"""Versions that the state folder has lost, out of the journal topic."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial

from streamwatchd.daemon.content_journal import Journalled, journalled
from streamwatchd.daemon.contents import Bundle, ContentStore, content_of, on_disk
from streamwatchd.daemon.logs import Log
from streamwatchd.ports.kafka import Kafka
from streamwatchd.settings import Settings
from streamwatchd.shard.history import journalled_epochs, versions_retained
from streamwatchd.shard.version import Content, Version


class LostRules:
    """What the topic has of them. `versions` are those that its epochs name, once it was looked for them."""

    def __init__(self, kafka: Kafka, settings: Settings, log: Log, config: Callable[[], bytes]) -> None:
        """`config`: the settings of today."""
        self._kafka, self._settings, self._log, self._config = kafka, settings, log, config
        self._found: dict[str, Journalled] = {}
        self._whole: dict[str, tuple[Content, Bundle]] = {}
        self.versions: tuple[Version, ...] = ()

    def look(self) -> list[Content]:
        """Where the folder knows no version: what ran, as far as it is there. It comes before anything is asked of
        topics, for rules read others then. Raises Unavailable, StateMismatch."""
        epochs = journalled_epochs(self._kafka, self._settings.topics.journal, self._settings.app)
        self.versions = versions_retained(epochs)
        self._read(each.digest for each in self.versions)
        return [content for content, _ in self._whole.values()]

    def _read(self, digests: Iterable[str]) -> None:
        wanted = {*digests} - self._found.keys()
        if not wanted:
            return
        topic = self._settings.topics.journal
        self._log.info("rules_sought", topic=topic, contents=len(wanted))
        found = journalled(self._kafka, topic, self._settings.app, wanted)
        self._found |= found
        self._whole |= recompiled(found, self._settings, self._config())

    def bring_back(self, store: ContentStore, lost: Collection[str]) -> Mapping[str, Journalled]:
        """Into the folder what it lost, as far as it is there; gives all that was found, whole or not, by digest.
        Raises Unavailable."""
        self._read(lost)
        whole = [self._whole[digest] for digest in lost if digest in self._whole]
        for content, bundle in whole:
            store.keep_if_lost(content, bundle)
            store.remember(content)
        self._log.warning("rules_rebuilt", topic=self._settings.topics.journal, contents=len(whole))
        return self._found


def recompiled(found: Mapping[str, Journalled], settings: Settings, config: bytes) -> dict[str, tuple[Content, Bundle]]:
    """Those that are whole, and come to what they came to when they ran; `config` are the settings of today."""
    whole: dict[str, tuple[Content, Bundle]] = {}
    for digest, each in found.items():
        bundle = each.bundle(config, partial(on_disk, settings))
        content = None if bundle is None else content_of(bundle.compile(), bundle.places)
        if bundle is not None and content is not None and content.digest == digest:
            whole[digest] = content, bundle
    return whole
