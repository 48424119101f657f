"""Timelines with `late: amend` and their answers, by hand. `0s` is 2026-01-05T00:00Z; watermarks trail by 5 s."""

from __future__ import annotations

from tests.oracle.world import Case

_PER_MINUTE = """
source: metrics
rules:
  - kpi: load
    by: host
    every: 1m
    values: {mean: avg(cpu)}
"""
_HIGH = """
source: metrics
every: 10s
rules:
  - alarm: high
    by: host
    """

LATE_CASES = [
    Case(
        "amend: a late event is read from the next judgement on, and a closed window that holds it has a revision then",
        _PER_MINUTE + "    late: amend\n",
        """
        0s host=a cpu=10
        70s host=z
        30s host=a cpu=40
        62s host=b cpu=5
        124.999s host=z
        """,
        # the watermark is at 65 s when they come: both are read at 120 s, where 60..120 is judged for the first time
        kpis="""
        0s..60s load host=a mean=10 x1
        0s..60s load host=a mean=25 x2 r1
        60s..120s load host=b mean=5 x1
        60s..120s load host=z mean=null x1
        """,
        late="metrics/0@2 metrics/0@3",
    ),
    Case(
        "amend: one revision a judgement, however many events came, and a window that was empty begins with 1",
        _PER_MINUTE + "    late: amend\n    amend_for: 3m\n",
        """
        0s host=a cpu=10
        70s host=z
        10s host=a cpu=20
        30s host=a cpu=60
        10s host=c cpu=1
        130s host=z
        20s host=a cpu=10
        190s host=z
        """,
        kpis="""
        0s..60s load host=a mean=10 x1
        0s..60s load host=a mean=30 x3 r1
        0s..60s load host=a mean=25 x4 r2
        0s..60s load host=c mean=1 x1 r1
        60s..120s load host=z mean=null x1
        120s..180s load host=z mean=null x1
        """,
        late="metrics/0@2 metrics/0@3 metrics/0@4 metrics/0@6",
    ),
    Case(
        "amend: an event whose first window ended more than amend_for before the next judgement is too late",
        _PER_MINUTE + "    late: amend\n    amend_for: 1m\n",
        """
        0s host=a cpu=10
        124s host=z
        30s host=a cpu=40
        126s host=z
        31s host=a cpu=50
        190s host=z
        """,
        # the first is read at 120 s, 60 s after the window's end; the second at 180 s
        kpis="""
        0s..60s load host=a mean=10 x1
        0s..60s load host=a mean=25 x2 r1
        120s..180s load host=z mean=null x2
        """,
        late="metrics/0@2 metrics/0@4",
    ),
    Case(
        "amend: an alarm that would have fired has one event, and no life",
        _HIGH + "partial: true\n    late: amend\n    when: avg(cpu over 10s) > 50\n",
        """
        1s host=a cpu=10
        11s host=a cpu=10
        27s host=z
        12s host=a cpu=200
        37s host=z
        """,
        alerts="30s high amended warning host=a would_fire",
        late="metrics/0@3",
    ),
    Case(
        "amend: an alarm that should not have fired goes on, and is told of once",
        _HIGH + "partial: true\n    late: amend\n    when: avg(cpu over 20s) > 50\n",
        """
        1s host=a cpu=60
        11s host=a cpu=90
        27s host=z
        12s host=a cpu=0
        2s host=a cpu=0
        37s host=z
        """,
        # at 10 s 60, at 20 s 75; with what came late 30 and 37.5; at 30 s (90 + 0) / 2
        alerts="""
        10s high fired warning host=a
        30s high resolved warning host=a cleared
        30s high amended warning host=a would_not_fire
        """,
        late="metrics/0@3 metrics/0@4",
    ),
    Case(
        "amend: a late event makes no key known",
        _HIGH + "late: amend\n    when: count(over 10s) >= 1\n    partial: true\n",
        """
        20s host=z
        12s host=b
        40s host=z
        """,
        alerts="""
        30s high fired warning host=z
        """,
        late="metrics/0@1",
    ),
]
