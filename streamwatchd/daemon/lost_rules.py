"""Versions that the state folder has lost, out of the journal topic."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
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
        self._contents: dict[str, Content] = {}
        self.versions: tuple[Version, ...] = ()

    def look(self) -> list[Content]:
        """Where the folder knows no version: what ran, as far as it is there. It comes before anything is asked of
        topics, for rules read others then. Raises Unavailable, StateMismatch."""
        epochs = journalled_epochs(self._kafka, self._settings.topics.journal, self._settings.app)
        self.versions = versions_retained(epochs)
        self._read({each.digest for each in self.versions})
        return list(self._contents.values())

    def _read(self, digests: Collection[str]) -> None:
        wanted = {*digests} - self._found.keys()
        if not wanted:
            return
        topic = self._settings.topics.journal
        self._log.info("rules_sought", topic=topic, contents=len(wanted))
        found = journalled(self._kafka, topic, self._settings.app, wanted)
        self._found |= found
        for digest, each in found.items():
            if (content := recompiled(each, self._settings, self._config())) is not None:
                self._contents[digest] = content[0]

    def bring_back(self, store: ContentStore) -> Mapping[str, Journalled]:
        """Into the folder what it lost, as far as it is there; gives all that was found, whole or not, by digest.
        Raises Unavailable."""
        lost = store.lost()
        self._read(lost)
        for digest in lost:
            bundle = (
                bundle_of(self._found[digest], self._settings, self._config()) if digest in self._contents else None
            )
            if bundle is not None:
                store.keep_if_lost(self._contents[digest], bundle)
                store.remember(self._contents[digest])
        came = len(lost) - len(store.lost())
        self._log.warning("rules_rebuilt", topic=self._settings.topics.journal, contents=came)
        return self._found


def bundle_of(found: Journalled, settings: Settings, config: bytes) -> Bundle | None:
    """None where a file of it is to be had nowhere."""
    return found.bundle(config, partial(on_disk, settings))


def recompiled(found: Journalled, settings: Settings, config: bytes) -> tuple[Content, Bundle] | None:
    """None where it is not whole, or comes to something else than when it ran; `config` are the settings of today."""
    bundle = bundle_of(found, settings, config)
    content = None if bundle is None else content_of(bundle.compile(), bundle.places)
    if bundle is None or content is None or content.digest != found.digest:
        return None
    return content, bundle
