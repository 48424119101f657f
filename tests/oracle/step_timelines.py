"""Timelines with counters, changes and lines, answered by hand. `0s` is 2026-01-05T00:00Z; watermarks trail by 5 s."""

from __future__ import annotations

from tests.oracle.world import Case

_SOURCE = """
metrics:
  topic: metrics
  time: ts
  unit: ms
  max_delay: 5s
  key: host
  fields:
    errors: {type: counter, per: [host, ifname], gap: 2m}
    octets: {type: counter, bits: 32}
"""
_GROWN = """
source: metrics
rules:
  - kpi: grown
    by: host
    every: 1m
    values: {errors: increase(errors)}
"""

STEPS = [
    Case(
        "a step belongs to its later sample, so that windows add up; the first sample says nothing",
        _GROWN,
        """
        10s host=a errors=100
        50s host=a errors=130
        70s host=a errors=150
        130s host=a errors=151
        185s host=z
        """,
        sources=_SOURCE,
        kpis="""
        0s..60s grown host=a errors=30 x2
        60s..120s grown host=a errors=20 x1
        120s..180s grown host=a errors=1 x1
        """,
    ),
    Case(
        "a fall is a restart at 0, and counters of a key are told apart, then added up",
        _GROWN,
        """
        0s host=a ifname=e0 errors=100
        1s host=a ifname=e1 errors=7
        10s host=a ifname=e0 errors=110
        11s host=a ifname=e1 errors=5
        20s host=a ifname=e0 errors=3
        65s host=z
        """,
        sources=_SOURCE,
        kpis="0s..60s grown host=a errors=18 x5",
    ),
    Case(
        "samples are put in order of their times; after a gap of more than 2m a counter begins anew",
        _GROWN,
        """
        10s host=a errors=1
        12s host=a errors=9
        11s host=a errors=4
        132s host=a errors=10
        253s host=a errors=99
        305s host=z
        """,
        sources=_SOURCE,
        kpis="""
        0s..60s grown host=a errors=8 x3
        120s..180s grown host=a errors=1 x1
        240s..300s grown host=a errors=null x1
        """,
    ),
    Case(
        "a counter of 32 bits wraps; a rate is the increase a second",
        """
source: metrics
rules:
  - kpi: pace
    by: host
    every: 1m
    values: {grown: increase(octets), pace: rate(octets)}
""",
        """
        0s host=a octets=4294967290
        10s host=a octets=54
        20s host=a octets=14
        65s host=z
        """,
        sources=_SOURCE,
        # 4294967290 → 54 wraps: 60; 54 → 14 would be a wrap of nearly the whole range: a restart, 14
        kpis="0s..60s pace host=a grown=74 pace=1.23333 x3",
    ),
    Case(
        "changes count values that differ from the one before them",
        """
source: metrics
rules:
  - kpi: flaps
    by: host
    every: 1m
    values: {flaps: changes(state)}
""",
        """
        0s host=a state=up
        10s host=a state=down
        20s host=a state=down
        62s host=a state=up
        125s host=a load=1
        185s host=z
        """,
        kpis="""
        0s..60s flaps host=a flaps=1 x3
        60s..120s flaps host=a flaps=1 x1
        120s..180s flaps host=a flaps=null x1
        """,
    ),
    Case(
        "a line of least squares: its slope a second, and where it is ten minutes after the window",
        """
source: metrics
rules:
  - kpi: trend
    by: host
    every: 1m
    values: {slope: slope(disk), ahead: predict(disk in 10m)}
""",
        """
        0s host=a disk=10
        20s host=a disk=30
        40s host=a disk=20
        40s host=b disk=1
        65s host=z
        """,
        kpis="""
        0s..60s trend host=a slope=0.25 ahead=180 x3
        0s..60s trend host=b slope=null ahead=null x1
        """,
    ),
]
