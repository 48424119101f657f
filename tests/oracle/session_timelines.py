"""Timelines behind the exchange: what is known when of sessions, and of windows that end between those of others.
`0s` is 2026-01-05T00:00Z; the watermark is the time of the last event, and rows of a site come from two partitions.
Rows of KPIs have the last millisecond of their window, which is not printed where the number is long.
"""

from __future__ import annotations

from tests.oracle.world import Case

_SOURCE = "metrics: {topic: metrics, time: ts, unit: ms, max_delay: 0s, key: host}"


def _case(name: str, rules: str, *times: str, alerts: str = "", kpis: str = "") -> Case:
    """Events of one site at these times, from either partition."""
    log = "\n".join(f"metrics/{partition} {time} host=h{partition} site=s" for time in times for partition in (0, 1))
    return Case(name, rules, log, sources=_SOURCE, partitions={"metrics": 2}, alerts=alerts, kpis=kpis)


SESSIONS = [
    _case(
        "a window over rows of sessions waits until they are known: at multiples of the gap",
        """
source: metrics
rules:
  - {kpi: visits, by: site, session: 4s, values: {n: count()}}
  - {kpi: load, source: visits, by: site, every: 5s, over: 20s, values: {total: sum(n)}}
        """,
        "0.1s",
        "10.9s",
        "31s",
        kpis="""
        0.1s..4.1s visits site=s n=2 x2
        -15s..5s load site=s total=2 x1
        -10s..10s load site=s total=2 x1
        10.9s..14.9s visits site=s n=2 x2
        -5s..15s load site=s total=4 x2
        0s..20s load site=s total=4 x2
        5s..25s load site=s total=2 x1
        """,
    ),
    _case(
        "no silence begins while the row of a session that has ended is still to come",
        """
source: metrics
rules:
  - {kpi: visits, by: site, session: 2s, values: {n: count()}}
  - {alarm: gone, source: visits, by: site, every: 50ms, when: n > 100, no_data: alert after 5200ms}
        """,
        "0.1s",
        "0.9s",
        "6.1s",
        "30s",
        alerts="13.3s gone no_data warning site=s",
        kpis="""
        0.1s..2.9s visits site=s n=4 x4
        6.1s..8.1s visits site=s n=2 x2
        """,
    ),
    _case(
        "sessions of sessions in one task are known as soon as all of those are",
        """
source: metrics
rules:
  - {kpi: visits, by: site, session: 2s, values: {n: count()}}
  - {kpi: days, source: visits, by: site, session: 5s, values: {total: sum(n)}}
        """,
        "0.1s",
        "8.2s",
        kpis="""
        0.1s..2.1s visits site=s n=2 x2
        2.099s..7.099s days site=s total=2 x1
        """,
    ),
    _case(
        "a window that ends between those of another rule waits for none of these",
        """
source: metrics
rules:
  - {kpi: twos, by: site, every: 2s, values: {n: count()}}
  - {kpi: threes, by: site, every: 3s, values: {n: count()}}
        """,
        "1s",
        "2.5s",
        "3.5s",
        kpis="""
        0s..2s twos site=s n=2 x2
        0s..3s threes site=s n=4 x4
        """,
    ),
    _case(
        "reminders of an alarm on rows of long windows come on time",
        """
source: metrics
rules:
  - {kpi: load, by: site, every: 90m, values: {n: count()}}
  - {alarm: high, source: load, by: site, when: n > 1, repeat: 10m}
        """,
        "1s",
        "91m",
        "105m",
        "121m",
        alerts="""
        5400s high fired warning site=s
        6000s high repeated warning site=s
        6600s high repeated warning site=s
        7200s high repeated warning site=s
        """,
        kpis="0s..5400s load site=s n=2 x2",
    ),
    _case(
        "a key that flaps by rows of long windows does so no more as soon as the time for it is over",
        """
source: metrics
rules:
  - {kpi: load, by: site, every: 40m, values: {n: count()}}
  - {alarm: high, source: load, by: site, when: n > 2, flapping: 2 changes in 2465s}
        """,
        "1s",
        "2s",
        "41m",
        "81m",
        "7201s",
        "7270s",
        alerts="""
        2400s high fired warning site=s
        4800s high resolved warning site=s cleared
        4800s high flapping warning site=s changes=2 window=41m5s
        7265s high resolved warning site=s changes=2 window=41m5s calmed_down
        """,
        kpis="""
        0s..2400s load site=s n=4 x4
        2400s..4800s load site=s n=2 x2
        4800s..7200s load site=s n=2 x2
        """,
    ),
    Case(
        "who asks whether an alarm on long windows fires waits for their watermark and not for their end",
        """
rules:
  - {alarm: quiet, source: other, every: 90m, when: count(over 90m) == 0}
  - {alarm: busy, source: metrics, by: host, when: site == "s", repeat: 10m, unless: firing(quiet)}
        """,
        "\n".join(
            f"{topic} {time} host=h site=s" for time in ("1s", "91m", "105m", "121m") for topic in ("other", "metrics")
        ),
        sources=f"{_SOURCE}\n{_SOURCE.replace('metrics', 'other')}",
        alerts="\n".join(
            f"{at}s busy {event} warning host=h"
            for at, event in ((1, "fired"), *((60 * minute, "repeated") for minute in range(11, 122, 10)))
        ),
    ),
]
