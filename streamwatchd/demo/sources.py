"""The five kinds of sources as columns, before anything goes wrong: what each record says when all is well.

Every kind writes its event time in its own way (`stamp`), as sources do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from streamwatchd.demo import inventory

Seconds = npt.NDArray[np.float64]
Fields = dict[str, npt.NDArray[Any]]
Generator = np.random.Generator

DAY = 86_400.0
STATS_EVERY = 10.0
_WHOLE_STEP = 20.0
USERS = 5_000
UNLISTED_HOST = "lab-1"
"""A server that sends metrics and is not in the inventory."""


@dataclass(slots=True)
class Block:
    """Records of one shape: `template` is filled from `time` (the stamp) and the fields named in `shown`.

    `seconds` is the event time since the start of the traffic, one entry a record; so is every field. `derive` computes
    fields from others once incidents have had their effect.
    """

    template: str
    shown: tuple[str, ...]
    seconds: Seconds
    fields: Fields
    derive: Callable[[Fields], None] | None = None
    heartbeat: bool = False

    def take(self, rows: npt.NDArray[Any]) -> None:
        self.seconds = self.seconds[rows]
        self.fields = {name: column[rows] for name, column in self.fields.items()}


@dataclass(frozen=True, slots=True)
class Span:
    """The stretch to generate: `start_ms` since 1970, `seconds` long. What is the same in all stretches of a seed, such
    as the size of a link, is drawn from `traits`."""

    start_ms: int
    seconds: float
    seed: int = 1

    def traits(self) -> Generator:
        return np.random.default_rng([self.seed, 0x7247])


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of source. `share` of all records, `wrong` a declared number field in the shape `"name":` of its JSON.

    `blocks(generator, count, span)` makes about `count` records; `key` names the field that partitions the topic.
    """

    name: str
    topic: str
    key: str
    share: float
    max_delay_seconds: float
    stamp: Literal["ms", "s", "us", "iso"]
    time_field: str
    number_field: str
    blocks: Callable[[Generator, int, Span], list[Block]]


def metrics(generator: Generator, count: int, span: Span) -> list[Block]:
    """Each server samples every mount by turns; a sample carries the server's CPU and memory. Disks fill by the day."""
    hosts = [*(server.device for server in inventory.servers()), UNLISTED_HOST]
    series = [(host, mount) for host in hosts for mount in inventory.MOUNTS]
    seconds, of = _periodic(generator, len(series), count, span.seconds)
    host_of = of // len(inventory.MOUNTS)
    traits = span.traits()
    waves = traits.uniform(0, 2 * np.pi, len(hosts))[host_of] + 2 * np.pi * seconds / 1_800
    cpu = traits.uniform(28, 45, len(hosts))[host_of] + 6 * np.sin(waves) + generator.normal(0, 3, len(of))
    memory = traits.uniform(40, 68, len(hosts))[host_of] + generator.normal(0, 0.6, len(of))
    written = (span.start_ms / 1000 + seconds) % DAY / 3_600
    disk = traits.uniform(30, 60, len(series))[of] + written / 4 + generator.normal(0, 0.05, len(of))
    fields = {
        "host": _choose([host for host, _ in series], of),
        "mount": _choose([mount for _, mount in series], of),
        "cpu": cpu.clip(1, 100),
        "mem": memory,
        "disk": disk,
    }
    template = '{"ts":%s,"host":"%s","mount":"%s","cpu":%.1f,"mem":%.1f,"disk":%.2f}'
    return [Block(template, ("host", "mount", "cpu", "mem", "disk"), seconds, fields)]


def app_logs(generator: Generator, count: int, span: Span) -> list[Block]:
    """Log lines, and every 10 s a line of statistics a service: requests, and the share of them that failed."""
    names = [service.name for service in inventory.SERVICES]
    stats_count = round(span.seconds / STATS_EVERY) * len(names)
    seconds, of = _periodic(generator, len(names), stats_count, span.seconds)
    rates = generator.uniform(0.4, 1.6, len(names))[of] + generator.normal(0, 0.2, len(of))
    requests = 1 + generator.poisson(np.array([4_000 * service.share for service in inventory.SERVICES])[of])
    stats = Block(
        '{"time":"%s","kind":"stats","service":"%s","requests":%d,"error_rate":%.2f}',
        ("service", "requests", "error_rate"),
        seconds,
        {"service": _choose(names, of), "requests": requests, "error_rate": rates.clip(0)},
    )
    return [stats, _log_lines(generator, max(count - len(seconds), 0), span, names)]


LINES = (
    ("info", "request done"),
    ("info", "session opened"),
    ("info", "cache refreshed"),
    ("debug", "queue drained"),
    ("warn", "retry after time-out"),
    ("error", "upstream closed the connection"),
)


def _log_lines(generator: Generator, count: int, span: Span, names: list[str]) -> Block:
    said = generator.choice(len(LINES), count, p=(0.5, 0.2, 0.12, 0.12, 0.05, 0.01))
    fields = {
        "service": _choose(names, generator.integers(0, len(names), count)),
        "level": _choose([level for level, _ in LINES], said),
        "message": _choose([message for _, message in LINES], said),
    }
    template = '{"time":"%s","kind":"log","service":"%s","level":"%s","message":"%s"}'
    return Block(template, ("service", "level", "message"), _anytime(generator, count, span), fields)


def users(generator: Generator, count: int, span: Span) -> list[Block]:
    """What customers do; a few of them do much."""
    who = (USERS * generator.power(0.5, count)).astype(np.intp)
    what = generator.choice(4, count, p=(0.2, 0.5, 0.2, 0.1))
    fields = {
        "user": _choose([f"u{number:05}" for number in range(USERS)], who),
        "event": _choose(["login", "call", "message", "purchase"], what),
        "region": _choose(list(inventory.REGIONS), who % len(inventory.REGIONS)),
        "duration": generator.exponential(900, count),
    }
    template = '{"at":%s,"user":"%s","event":"%s","region":"%s","duration":%.0f}'
    return [Block(template, ("user", "event", "region", "duration"), _anytime(generator, count, span), fields)]


REGION_SHARES = (0.3, 0.25, 0.2, 0.02, 0.23)
"""Of the API requests: few come from the west, whose slowness hardly shows in the average of a service."""
FAILING = 0.004
"""The share of requests that fail on any day."""


def api(generator: Generator, count: int, span: Span) -> list[Block]:
    """Requests over the API, each with its service's share; `failing` is the share that fails, spread evenly."""
    shares = np.array([service.share for service in inventory.SERVICES])
    of = generator.choice(len(shares), count, p=shares)
    fields = {
        "region": _choose(list(inventory.REGIONS), generator.choice(len(REGION_SHARES), count, p=REGION_SHARES)),
        "service": _choose([service.name for service in inventory.SERVICES], of),
        "latency": generator.lognormal(np.log(110), 0.4, count),
        "failing": np.full(count, FAILING),
    }
    template = '{"ts":%s,"region":"%s","service":"%s","latency":%.1f,"status":%d}'
    shown = ("region", "service", "latency", "status")
    return [Block(template, shown, _anytime(generator, count, span), fields, derive=_statuses)]


def _statuses(fields: Fields) -> None:
    """Of each service's requests, in order of time, every n-th fails so that the share is met at every moment."""
    status = np.full(len(fields["service"]), 200)
    for service in inventory.SERVICES:
        rows = np.flatnonzero(fields["service"] == service.name)
        owed = np.floor(0.5 + np.cumsum(fields["failing"][rows]))
        status[rows[np.diff(owed, prepend=0) > 0]] = 503
    fields["status"] = status


def rhythm(seconds: Seconds | float) -> Any:
    """The traffic of a link at these seconds since 1970, as a factor of its mean."""
    return 1 + 0.5 * np.sin(2 * np.pi * seconds / DAY)


def network(generator: Generator, count: int, span: Span) -> list[Block]:
    """Polls of every link (octets since the last poll, an error counter), and now and then an event of a device."""
    links, traits = inventory.links(), span.traits()
    chatter_count = count // 100
    seconds, of = _periodic(traits, len(links), count - chatter_count, span.seconds)
    size = traits.lognormal(np.log(4e6), 0.7, len(links))[of]
    errors = np.concatenate([np.cumsum(generator.random(rows) < 0.02) for rows in np.bincount(of)])
    fields = {
        "device": _choose([device for device, _ in links], of),
        "link": _choose([link for _, link in links], of),
        "ifname": _choose([link.rsplit(":", 1)[1] for _, link in links], of),
        "octets": size * rhythm(span.start_ms / 1000 + seconds) * generator.lognormal(0, 0.1, len(of)),
        "in_errors": generator.integers(0, 5_000, len(links))[of] + errors,
    }
    template = '{"ts":%s,"device":"%s","link":"%s","ifname":"%s","octets":%.0f,"in_errors":%d,"event":"poll"}'
    shown = ("device", "link", "ifname", "octets", "in_errors")
    return [Block(template, shown, seconds, fields), _chatter(generator, chatter_count, span, links)]


def _chatter(generator: Generator, count: int, span: Span, links: tuple[tuple[str, str], ...]) -> Block:
    of = generator.integers(0, len(links), count)
    said = _choose(["config_saved", "fan_speed", "login"], generator.integers(0, 3, count))
    devices, names = _choose([device for device, _ in links], of), _choose([link for _, link in links], of)
    return device_events(_anytime(generator, count, span), devices, names, said)


def device_events(
    seconds: Seconds, devices: npt.NDArray[Any], links: npt.NDArray[Any], events: npt.NDArray[Any]
) -> Block:
    template = '{"ts":%s,"device":"%s","link":"%s","event":"%s"}'
    fields = {"device": devices, "link": links, "event": events}
    return Block(template, ("device", "link", "event"), seconds, fields)


def heartbeats(generator: Generator, kind: Kind, keys: npt.NDArray[Any], count: int, span: Span) -> Block:
    """Signs of life, which every source drops: `drop: kind == "heartbeat"`."""
    template = f'{{"{kind.time_field}":{_placeholder(kind)},"kind":"heartbeat","{kind.key}":"%s"}}'
    fields = {kind.key: generator.choice(keys, count)}
    return Block(template, (kind.key,), _anytime(generator, count, span), fields, heartbeat=True)


def _placeholder(kind: Kind) -> str:
    return '"%s"' if kind.stamp == "iso" else "%s"


def _anytime(generator: Generator, count: int, span: Span) -> Seconds:
    return np.sort(generator.uniform(0, span.seconds, count))


def _periodic(generator: Generator, series: int, count: int, seconds: float) -> tuple[Seconds, npt.NDArray[np.intp]]:
    """About `count` samples of `series` series, each with its own phase: (time, series) of every sample.

    Long steps are whole seconds, so that windows hold equally many.
    """
    step = seconds * series / max(count, 1)
    step = round(step) if step >= _WHOLE_STEP else step
    phases = generator.uniform(0, step, series)
    times = phases[:, None] + step * np.arange(int(seconds / step) + 1)
    of, sample = np.nonzero(times < seconds)
    return times[of, sample], of


def _choose(names: list[str], index: npt.NDArray[Any]) -> npt.NDArray[Any]:
    chosen: npt.NDArray[Any] = np.array(names, dtype=object)[index]
    return chosen


KINDS = (
    Kind("network", "telecom.network", "device", 0.35, 10, "s", "ts", "octets", network),
    Kind("service_metrics", "telecom.app-logs", "service", 0.25, 5, "iso", "time", "error_rate", app_logs),
    Kind("users", "telecom.users", "user", 0.20, 10, "us", "at", "duration", users),
    Kind("api", "telecom.api", "service", 0.10, 5, "ms", "ts", "latency", api),
    Kind("metrics", "telecom.metrics", "host", 0.10, 5, "ms", "ts", "cpu", metrics),
)
