"""What the daemon has of the shared snapshot store, as its settings say."""

from __future__ import annotations

from pathlib import Path

from streamwatchd.daemon.content_mirror import ContentMirror
from streamwatchd.daemon.hosts import Hosts
from streamwatchd.daemon.logs import Log
from streamwatchd.daemon.metrics import Metrics
from streamwatchd.daemon.process import shared_store
from streamwatchd.errors import Unavailable
from streamwatchd.ports.clock import Clock
from streamwatchd.ports.disk import Disk
from streamwatchd.ports.files import Files
from streamwatchd.settings import Settings


def mirror_of(settings: Settings, log: Log, metrics: Metrics) -> ContentMirror | None:
    """Raises Unavailable for a store whose address or library is not there."""
    shared = shared_store(settings)
    return None if shared is None else ContentMirror(shared, log, metrics)


def kept_in(settings: Settings, disk: Disk) -> tuple[Files, Path]:
    """Where the next host finds what this one has heard. Raises Unavailable for a store that is not there."""
    shared = shared_store(settings)
    return (disk, settings.state_dir) if shared is None else (shared.files, shared.folder)


def hosts_of(settings: Settings, clock: Clock, log: Log) -> Hosts | None:
    """Where several hosts share the shards. Raises Unavailable for settings under which they could not."""
    if not settings.owns:
        return None
    shared = shared_store(settings)
    if shared is None:
        raise Unavailable("`owns` needs a `snapshot_store` that every host can read: shards move through it")
    if settings.owns[-1] >= settings.shards:
        raise Unavailable(f"`owns` names shard {settings.owns[-1]}, which `shards: {settings.shards}` has not got")
    return Hosts(shared, settings, clock, log)
