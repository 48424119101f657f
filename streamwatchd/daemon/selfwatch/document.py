"""Self-alerts and heartbeats as records: the lifecycle events of `schemas/alert.json`, with rules of our own names."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from typing import Any

import msgspec

import streamwatchd
from streamwatchd.daemon.selfwatch.conditions import Condition, Finding
from streamwatchd.daemon.selfwatch.sight import Key
from streamwatchd.operators.document import iso

Document = dict[str, Any]

RULE = "streamwatchd."
"""No rule of a user has a dot in its name."""
LABELS = {"about": "streamwatchd"}
HEARTBEAT = RULE + "heartbeat"


def identity(app: str, name: str, key: Key, starts_at_ms: int) -> str:
    """16 hexadecimal digits, the same from an alert's start to its end."""
    packed = msgspec.json.encode([app, name, key, starts_at_ms])
    return hashlib.blake2b(packed, digest_size=8).hexdigest()


def record_key(document: Document) -> bytes:
    """As other alerts have it: rule and key."""
    return msgspec.json.encode([document["rule"], document["key"]])


def in_words(value: float, unit: str) -> str:
    """`12 min`, `3.2%`, `17`."""
    if unit == "ratio":
        return f"{100 * value:.3g}%"
    if unit == "count":
        return str(round(value))
    for size, word in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if value >= 2 * size:
            return f"{value / size:.3g} {word}"
    return f"{value:.3g} s"


def _event(rule: str, app: str, key: Mapping[str, str], at_ms: int) -> Document:
    """All fields, with what is the same in all of ours."""
    return {
        "id": "", "seq": 0, "rule": rule, "rule_version": streamwatchd.__version__, "state": "firing",
        "event": "fired", "severity": "info", "previous": None, "key": {"app": app, **key}, "values": {},
        "window": None, "starts_at": iso(at_ms), "at": iso(at_ms), "ends_at": None, "emitted_at": iso(at_ms),
        "labels": dict(LABELS), "context": {}, "message": None, "runbook": None, "muted_by": None, "evidence": None,
        "replayed": False, "reason": None,
    }  # fmt: skip


def lifecycle_event(
    condition: Condition,
    app: str,
    key: Key,
    finding: Finding,
    limit: float,
    named: str,
    seq: int,
    starts_at_ms: int,
    now_ms: int,
    *,
    resolved: bool,
) -> Document:
    words = {
        **dict(key),
        **finding.context,
        "value": in_words(finding.value, condition.unit),
        "limit": in_words(limit, condition.unit),
    }
    document = _event(RULE + condition.name, app, dict(key), now_ms) | {
        "id": named,
        "seq": seq,
        "severity": condition.severity,
        "values": {condition.unit: finding.value, "limit": limit},
        "starts_at": iso(starts_at_ms),
        "context": dict(finding.context),
    }
    if resolved:
        return document | {
            "state": "resolved",
            "event": "resolved",
            "previous": condition.severity,
            "ends_at": iso(now_ms),
        }
    return document | {"message": f"{condition.message.format_map(words)}: {condition.way_out}"}


def heartbeat(
    app: str, started_ms: int, seq: int, now_ms: int, values: Mapping[str, float], owns: Collection[int] = ()
) -> Document:
    """The same alarm again and again, since the daemon started: it fires as long as all is well.

    A host that shares the shards names those that it `owns` in the key: one that falls silent is missed by its own.
    """
    key = {"owns": ",".join(map(str, owns))} if owns else {}
    return _event(HEARTBEAT, app, key, now_ms) | {
        "id": identity(app, "heartbeat", tuple(key.items()), started_ms),
        "seq": seq,
        "values": dict(values),
        "starts_at": iso(started_ms),
    }
