"""The script: what goes wrong in the traffic, when, and which rule must say so; and what must stay quiet.

Times are seconds from the start of the traffic. An incident has *effects* on the generated columns; the rest is ground
truth. Tests recompute the truth from the generated records by brute force, so an entry here can't be wishful.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from streamwatchd.demo.effects import (
    Curve,
    Effect,
    Events,
    Selection,
    Thin,
    busy,
    calm,
    failing,
    hold,
    minutes,
    odd_mix,
    off_rhythm,
)
from streamwatchd.demo.sources import rhythm

Outcome = Literal["alarm", "quiet", "kpi"]


@dataclass(frozen=True, slots=True)
class Above:
    """What a KPI shows: `value` above (or with `below`, under) `bound`."""

    value: str
    bound: float
    below: bool = False


@dataclass(frozen=True, slots=True)
class Incident:
    """One entry of the script.

    `rule` and `key` name the alarm that must fire between `start` and `end` + `grace` (outcome "alarm"), the one that
    must not (outcome "quiet"), or the KPI whose rows show it (outcome "kpi", by `shows`). `severities` must all be seen
    on it; `event` is how it begins.
    """

    name: str
    rule: str
    key: Selection
    start: float
    end: float
    outcome: Outcome = "alarm"
    effects: tuple[Effect, ...] = ()
    severities: tuple[str, ...] = ()
    event: str = "fired"
    shows: Above | None = None
    grace: float = 60.0


def _cpu(host: str, first: float, last: float, value: float, noise: float = 1.0) -> Curve:
    return hold("metrics", {"host": host}, "cpu", minutes(first, last), value, noise)


def _disk(host: str, *points: tuple[float, float]) -> Curve:
    """Points in (minutes, percent) for the mount /var."""
    return Curve("metrics", {"host": host, "mount": "/var"}, "disk", tuple((60 * t, v) for t, v in points), 0.1)


CPU = (
    Incident(
        "a critical billing server runs hot, its memory full",
        "cpu_high",
        {"host": "billing-1"},
        *minutes(6, 14),
        effects=(
            _cpu("billing-1", 6, 14, 97),
            hold("metrics", {"host": "billing-1"}, "mem", minutes(6, 14), 96, 0.5),
        ),
        severities=("critical",),
    ),
    Incident(
        "the same server's health score collapses",
        "health",
        {"host": "billing-1"},
        *minutes(6, 14),
        outcome="kpi",
        shows=Above("score", 20, below=True),
    ),
    Incident(
        "a critical voice server runs hot, less steeply",
        "cpu_high",
        {"host": "voice-2"},
        *minutes(14.5, 23),
        effects=(Curve("metrics", {"host": "voice-2"}, "cpu", ((870, 45), (960, 93), (1320, 93), (1380, 50)), 1.0),),
        severities=("critical",),
    ),
    Incident(
        "a critical server stays at 84 %",
        "cpu_high",
        {"host": "payments-1"},
        *minutes(7, 19),
        outcome="quiet",
        effects=(_cpu("payments-1", 7, 19, 84, 0.3),),
    ),
    Incident(
        "a critical server at 98 % for only 3 minutes",
        "cpu_high",
        {"host": "checkout-1"},
        *minutes(10, 13),
        outcome="quiet",
        effects=(_cpu("checkout-1", 10, 13, 98),),
    ),
    Incident(
        "a standard server at 97 % for 12 minutes",
        "cpu_high",
        {"host": "reports-4"},
        *minutes(8, 20),
        outcome="quiet",
        effects=(_cpu("reports-4", 8, 20, 97),),
    ),
    Incident(
        "a server that is not in the inventory at 99 %",
        "cpu_high",
        {"host": "lab-1"},
        *minutes(5, 25),
        outcome="quiet",
        effects=(
            _cpu("lab-1", 5, 25, 99, 0.3),
            hold("metrics", {"host": "lab-1"}, "mem", minutes(5, 25), 45, 0.5),
        ),
    ),
)

PAST_SECONDS = 21_600
"""How long before the traffic some servers are heard already: rule 8 wants to know a server for six hours."""
PAST_HOSTS = ("reports-4", "search-6", "catalog-4")
"""Which ones: of one partition of four, so that the hours before take one task's work."""


def _half_hours(host: str, value: float) -> Curve:
    """Busy from the tenth to the twentieth minute of each half hour, calm between, in the past too."""
    shape = ((0.0, 30.0), (600.0, 30.0), (620.0, value), (1_180.0, value), (1_200.0, 30.0))
    points = ((begin + at, height) for begin in range(-PAST_SECONDS, 1_800, 1_800) for at, height in shape)
    return Curve("metrics", {"host": host}, "cpu", tuple(points), 2.0)


# Only with the past before it.
UNUSUAL = (
    Incident(
        "a server that idles works hard, still under any fixed bound",
        "cpu_unusual",
        {"host": "search-6"},
        *minutes(11, 20),
        effects=(_cpu("search-6", 11, 20, 74),),
    ),
    Incident(
        "a standard server at 97 % is unusual too",
        "cpu_unusual",
        {"host": "reports-4"},
        *minutes(8, 20),
    ),
    Incident(
        "a server is as busy as it was in every half hour before",
        "cpu_unusual",
        {"host": "catalog-4"},
        *minutes(0, 30),
        outcome="quiet",
        effects=(_half_hours("catalog-4", 78),),
    ),
    Incident(
        "a hot server that is known for minutes only",
        "cpu_unusual",
        {"host": "billing-1"},
        *minutes(6, 14),
        outcome="quiet",
    ),
)

DISK = (
    Incident(
        "a disk fills, is cleaned up, recovers",
        "disk_filling",
        {"host": "accounts-2", "mount": "/var"},
        *minutes(5, 18),
        effects=(_disk("accounts-2", (3, 55), (6, 83), (13, 83), (14, 97), (18, 97), (18.1, 62), (30, 62)),),
        severities=("warning", "critical"),
    ),
    Incident(
        "a disk vanishes for 15 minutes",
        "disk_filling",
        {"host": "catalog-5", "mount": "/var"},
        *minutes(7, 22),
        effects=(Thin("metrics", {"host": "catalog-5", "mount": "/var"}, *minutes(7, 22)),),
        event="no_data",
    ),
    Incident(
        "a disk at 82 % for less than 5 minutes",
        "disk_filling",
        {"host": "messaging-3", "mount": "/var"},
        *minutes(9, 12.5),
        outcome="quiet",
        effects=(_disk("messaging-3", (9, 82), (12.5, 82)),),
    ),
    Incident(
        "a disk at 99 % for 20 seconds",
        "disk_filling",
        {"host": "search-2", "mount": "/var"},
        *minutes(16, 16.34),
        outcome="quiet",
        effects=(_disk("search-2", (16, 99), (16.34, 99)),),
    ),
    Incident(
        "a disk silent for 8 minutes",
        "disk_filling",
        {"host": "identity-3", "mount": "/var"},
        *minutes(11, 19),
        outcome="quiet",
        effects=(Thin("metrics", {"host": "identity-3", "mount": "/var"}, *minutes(11, 19)),),
    ),
)

SERVICE = (
    Incident(
        "billing fails more than 5 % of its requests",
        "billing_errors",
        {"service": "billing"},
        *minutes(8, 11),
        effects=(hold("service_metrics", {"service": "billing"}, "error_rate", minutes(8, 11), 8.5, 0.5),),
    ),
    Incident(
        "billing stays just under 5 %",
        "billing_errors",
        {"service": "billing"},
        *minutes(16, 19),
        outcome="quiet",
        effects=(hold("service_metrics", {"service": "billing"}, "error_rate", minutes(16, 19), 4.7, 0.05),),
    ),
    Incident(
        "payments, not billing, fails 12 %",
        "billing_errors",
        {"service": "payments"},
        *minutes(12, 15),
        outcome="quiet",
        effects=(hold("service_metrics", {"service": "payments"}, "error_rate", minutes(12, 15), 12, 0.5),),
    ),
    Incident(
        "checkout, busy, fails 14 % of its requests",
        "slow_and_failing",
        {"service": "checkout"},
        *minutes(12, 17),
        effects=(
            failing("checkout", 12, 17, 0.14),
            Curve("api", {"service": "checkout"}, "latency", ((720, 2.5), (1020, 2.5)), times=True),
        ),
    ),
    Incident(
        "checkout's failures in the minute's row",
        "transactions",
        {"service": "checkout"},
        *minutes(12, 17),
        outcome="kpi",
        shows=Above("error_rate", 0.05),
    ),
    Incident(
        "reports fails 35 %, of few requests",
        "slow_and_failing",
        {"service": "reports"},
        *minutes(9, 15),
        outcome="quiet",
        effects=(failing("reports", 9, 15, 0.35),),
    ),
    Incident(
        "payments has a busy spell: slower, and failing 2.4 %",
        "slow_and_failing",
        {"service": "payments"},
        *minutes(16, 24),
        outcome="quiet",
        effects=busy("payments", 16, 24),
    ),
    Incident(
        "the west answers slowly",
        "api_response_time",
        {"region": "west"},
        *minutes(10, 16),
        outcome="kpi",
        effects=(Curve("api", {"region": "west"}, "latency", ((600, 1), (660, 5), (900, 5), (960, 1)), times=True),),
        shows=Above("avg_latency", 350),
    ),
)

# Until the rule of an entry ships, its traffic is like any other.
NETWORK = (
    Incident(
        "an edge device goes silent",
        "device_silent",
        {"device": "edge-07"},
        *minutes(10, 30),
        effects=(Thin("network", {"device": "edge-07"}, *minutes(10, 30)),),
    ),
    Incident(
        "an edge device is never heard",
        "device_silent",
        {"device": "edge-24"},
        *minutes(0, 30),
        effects=(Thin("network", {"device": "edge-24"}, *minutes(0, 30)),),
    ),
    Incident(
        "an access device goes silent, which nobody expects to hear",
        "device_silent",
        {"device": "access-11"},
        *minutes(5, 30),
        outcome="quiet",
        effects=(Thin("network", {"device": "access-11"}, *minutes(5, 30)),),
    ),
    Incident(
        "a link flaps twice, then is down",
        "flap_then_down",
        {"device": "edge-12"},
        *minutes(9, 12),
        effects=(Events("edge-12", "edge-12:ge1", ((540, "link_flap"), (630, "link_flap"), (720, "link_down"))),),
    ),
    Incident(
        "a link flaps twice and is down a quarter of an hour later",
        "flap_then_down",
        {"device": "edge-13"},
        *minutes(5, 22),
        outcome="quiet",
        effects=(Events("edge-13", "edge-13:ge0", ((300, "link_flap"), (390, "link_flap"), (1290, "link_down"))),),
    ),
    Incident(
        "a link flaps once, then is down",
        "flap_then_down",
        {"device": "edge-14"},
        *minutes(14, 15),
        outcome="quiet",
        effects=(Events("edge-14", "edge-14:ge2", ((840, "link_flap"), (900, "link_down"))),),
    ),
)

MIX = (
    Incident(
        "billing: slow and failing as if busy, with few requests",
        "odd_mix",
        {"service": "billing"},
        *minutes(19, 27),
        effects=odd_mix("billing", 19, 27),
    ),
    Incident(
        "checkout, failing and slow, is an odd mix too",
        "odd_mix",
        {"service": "checkout"},
        *minutes(12, 17),
    ),
    Incident(
        "so is reports, failing 35 %",
        "odd_mix",
        {"service": "reports"},
        *minutes(9, 15),
    ),
    Incident(
        "payments in a busy spell: slower and failing more",
        "odd_mix",
        {"service": "payments"},
        *minutes(16, 24),
        outcome="quiet",
    ),
    Incident(
        "billing in a calm spell",
        "odd_mix",
        {"service": "billing"},
        *minutes(4, 12),
        outcome="quiet",
        effects=calm("billing", 4, 12),
    ),
)


def rhythms(start_ms: int) -> tuple[Incident, ...]:
    """What is off depends on the time of day."""
    usual = float(rhythm(start_ms / 1000 + 60 * 20))
    return (
        Incident(
            f"a core link carries {0.6 if usual >= 1 else 1.4} of its mean, usual at other hours",
            "traffic_off_forecast",
            {"link": "core-02:ge0"},
            *minutes(15, 25),
            effects=off_rhythm("core-02:ge0", 15, 25, start_ms),
        ),
        Incident(
            "another link keeps its daily rhythm",
            "traffic_off_forecast",
            {"link": "core-03:ge0"},
            *minutes(0, 30),
            outcome="quiet",
        ),
    )


def script(seconds: float, start_ms: int, *, past: bool = True) -> tuple[Incident, ...]:
    """The entries that are over within the first `seconds` of traffic; with those that need a `past`."""
    everything = CPU + (UNUSUAL if past else ()) + DISK + SERVICE + NETWORK + MIX + rhythms(start_ms)
    return tuple(incident for incident in everything if incident.end <= seconds)


NEEDED_RATE = 120.0
"""Events per second below which busy services have fewer than 100 requests a minute and the script no longer holds."""
