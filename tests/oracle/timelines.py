"""Small timelines with their answers, worked out by hand. `0s` is 2026-01-05T00:00Z; watermarks trail by 5 s."""

from __future__ import annotations

from tests.oracle.late_timelines import LATE_CASES
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
_TWO_SOURCES = """
metrics: {topic: metrics, time: ts, unit: ms, max_delay: 5s, key: host}
disks: {topic: disks, time: ts, unit: ms, max_delay: 5s, key: host}
"""

CASES = [
    *LATE_CASES,
    Case(
        "a minute is judged when the watermark is at its end minus 1 ms",
        _PER_MINUTE,
        """
        0s host=a cpu=10
        59.999s host=a cpu=20
        60s host=a cpu=30
        64.999s host=z
        """,
        kpis="0s..60s load host=a mean=15 x2",
    ),
    Case(
        "one millisecond less and the minute is open",
        _PER_MINUTE,
        """
        0s host=a cpu=10
        64.998s host=z
        """,
    ),
    Case(
        "late is at or below the watermark, and enters nothing",
        _PER_MINUTE,
        """
        10s host=a cpu=1
        5s host=a cpu=9
        5.001s host=a cpu=2
        70s host=z
        """,
        kpis="0s..60s load host=a mean=1.5 x2",
        late="metrics/0@1",
    ),
    Case(
        "sliding windows end at multiples of every, the first ones too",
        """
source: metrics
rules:
  - {kpi: load, by: host, every: 1m, over: 2m, values: {total: sum(cpu)}}
        """,
        """
        30s host=a cpu=4
        186s host=z
        """,
        kpis="""
        -60s..60s load host=a total=4 x1
        0s..120s load host=a total=4 x1
        """,
    ),
    Case(
        "a session ends a gap after its last event; an event right there opens the next",
        """
source: metrics
rules:
  - {kpi: visits, by: host, session: 10s, values: {n: count()}}
        """,
        """
        0s host=a
        9.999s host=a
        20s host=a
        40s host=z
        """,
        kpis="""
        0s..19.999s visits host=a n=2 x2
        20s..30s visits host=a n=1 x1
        """,
    ),
    Case(
        "without a window an alarm is a state of its key; null neither raises nor clears",
        _HIGH + "when: cpu > 80",
        """
        0s host=a cpu=90
        1s host=a cpu=95
        2s host=a
        3s host=b cpu=10
        4s host=a cpu=70
        """,
        alerts="""
        0s high fired warning host=a
        4s high resolved warning host=a cleared
        """,
    ),
    Case(
        "without by, each true event is an occurrence of its own",
        "rules: [{alarm: high, source: metrics, when: cpu > 80, severity: major}]",
        """
        0s host=a cpu=90
        1s host=b cpu=95
        2s host=a cpu=70
        """,
        alerts="""
        0s high fired major
        1s high fired major
        """,
    ),
    Case(
        "a state alarm is judged at once, in log order",
        _HIGH + "when: cpu > 80",
        """
        10s host=a cpu=90
        8s host=a cpu=70
        """,
        alerts="""
        8s high resolved warning host=a cleared
        10s high fired warning host=a
        """,
    ),
    Case(
        "in_order waits for the watermark",
        _HIGH + "when: cpu > 80\n    in_order: true",
        """
        10s host=a cpu=90
        8s host=a cpu=70
        17s host=a cpu=70
        20s host=z
        """,
        alerts="10s high fired warning host=a",
    ),
    Case(
        "ties in time break by the fields that the rule reads",
        _HIGH + "when: cpu > 80\n    in_order: true",
        """
        10s host=a cpu=90
        10s host=a cpu=70
        20s host=z
        """,
        alerts="10s high fired warning host=a",
    ),
    Case(
        "a window that starts before its key was known is warming",
        _HIGH + "values: {mean: avg(cpu over 1m)}\n    when: mean > 80",
        """
        0s host=a cpu=90
        10s host=a cpu=90
        20s host=a cpu=90
        30s host=a cpu=90
        40s host=a cpu=90
        50s host=a cpu=90
        60s host=a cpu=0
        80s host=z
        """,
        alerts="""
        60s high fired warning host=a mean=90
        70s high resolved warning host=a mean=75 cleared
        """,
    ),
    Case(
        "partial judges warming windows",
        _HIGH + "when: avg(cpu over 1m) > 80\n    partial: true",
        """
        0s host=a cpu=90
        20s host=z
        """,
        alerts="10s high fired warning host=a",
    ),
    Case(
        "min_history shortens warming",
        _HIGH + "when: avg(cpu over 1m) > 80\n    min_history: 20s",
        """
        0s host=a cpu=90
        30s host=z
        """,
        alerts="20s high fired warning host=a",
    ),
    Case(
        "a hold raises at the first T where it was true at T and at T - for",
        _HIGH + "when: avg(cpu over 10s) > 80 for 20s",
        """
        0s host=a cpu=90
        10s host=a cpu=90
        20s host=a cpu=90
        30s host=a cpu=10
        50s host=z
        """,
        alerts="""
        10s high pending warning host=a
        30s high fired warning host=a
        40s high resolved warning host=a cleared
        """,
    ),
    Case(
        "a pending that ends unheld is resolved as not held",
        _HIGH + "when: avg(cpu over 10s) > 80 for 20s",
        """
        0s host=a cpu=90
        10s host=a cpu=10
        20s host=a cpu=90
        36s host=z
        """,
        alerts="""
        10s high pending warning host=a
        20s high resolved warning host=a not_held
        30s high pending warning host=a
        """,
    ),
    Case(
        "raise and clear apart",
        _HIGH + "when: cpu > 80 until cpu < 70",
        """
        0s host=a cpu=85
        1s host=a cpu=75
        2s host=a cpu=65
        3s host=a cpu=75
        """,
        alerts="""
        0s high fired warning host=a
        2s high resolved warning host=a cleared
        """,
    ),
    Case(
        "the most severe level that is up is the alarm's",
        _HIGH + "levels: {critical: cpu > 95, warning: cpu > 80}",
        """
        0s host=a cpu=85
        1s host=a cpu=97
        2s host=a cpu=90
        3s host=a cpu=50
        """,
        alerts="""
        0s high fired warning host=a
        1s high escalated critical host=a
        2s high relaxed warning host=a
        3s high resolved warning host=a cleared
        """,
    ),
    Case(
        "a level that clears while a lower one holds resolves, and the hold goes on as a new pending",
        _HIGH + "levels: {critical: cpu > 95, warning: cpu > 80 for 20s}",
        """
        0s host=a cpu=97
        10s host=a cpu=90
        20s host=a cpu=90
        30s host=z
        """,
        alerts="""
        0s high fired critical host=a
        10s high resolved critical host=a cleared
        10s high pending warning host=a
        20s high fired warning host=a
        """,
    ),
    Case(
        "nulls inside a hold are skipped, a run of them longer than the hold starts it anew",
        _HIGH + "when: cpu > 80 for 20s",
        """
        0s host=a cpu=90
        10s host=a
        20s host=a cpu=90
        20s host=b cpu=90
        30s host=b
        40s host=b
        60s host=b cpu=90
        70s host=b cpu=90
        80s host=b cpu=90
        90s host=z
        """,
        alerts="""
        0s high pending warning host=a
        20s high fired warning host=a
        20s high pending warning host=b
        80s high fired warning host=b
        """,
    ),
    Case(
        "no_data alerts at the first T with no event in [T - D, T), the next judgement resolves it",
        _HIGH + "when: avg(cpu over 10s) > 80\n    no_data: alert after 30s",
        """
        0s host=a cpu=10
        20s host=b cpu=10
        40s host=b cpu=10
        55s host=a cpu=10
        65s host=b cpu=10
        70s host=z cpu=10
        """,
        alerts="""
        40s high no_data warning host=a
        60s high resolved warning host=a cleared
        """,
    ),
    Case(
        "no_data resolves after D",
        _HIGH + "when: avg(cpu over 10s) > 80\n    no_data: resolve after 30s",
        """
        0s host=a cpu=90
        50s host=z
        """,
        alerts="""
        10s high fired warning host=a
        40s high resolved warning host=a no_data
        """,
    ),
    Case(
        "a key without events for a day is forgotten",
        "rules: [{alarm: high, source: metrics, by: host, every: 1h, when: avg(cpu over 1h) > 80}]",
        """
        0s host=a cpu=90
        31h host=z
        """,
        alerts="""
        3600s high fired warning host=a
        90000s high resolved warning host=a forgotten
        """,
    ),
    Case(
        "an empty window has count 0",
        _HIGH + "values: {n: count(over 10s), mean: avg(cpu over 10s)}\n    when: n == 0",
        """
        0s host=a cpu=1
        30s host=z
        """,
        alerts="20s high fired warning host=a n=0 mean=null",
    ),
    Case(
        "a KPI is a source; its row has the time of its window's end minus 1 ms; when filters only what is emitted",
        """
rules:
  - {kpi: hits, source: metrics, by: host, every: 1m, values: {n: count()}, when: n > 2}
  - {alarm: busy, source: hits, by: host, when: n > 1}
        """,
        """
        0s host=a
        30s host=a
        60s host=a
        130s host=z
        """,
        alerts="""
        59.999s busy fired warning host=a
        119.999s busy resolved warning host=a cleared
        """,
    ),
    Case(
        "KPIs join at equal window ends, a missing side is null",
        """
rules:
  - {kpi: load, source: metrics, by: host, every: 1m, values: {mean: avg(cpu)}}
  - {kpi: fill, source: disks, by: host, every: 1m, values: {used: max(disk)}}
  - {alarm: both, source: [load, fill], by: host, when: mean > 80 and used > 90}
        """,
        """
        metrics 0s host=a cpu=90
        disks 10s host=a disk=95
        metrics 70s host=a cpu=90
        metrics 130s host=a cpu=10
        metrics 200s host=a cpu=10
        disks 200s host=a disk=1
        """,
        sources=_TWO_SOURCES,
        alerts="""
        59.999s both fired warning host=a
        179.999s both resolved warning host=a cleared
        """,
        kpis="""
        0s..60s load host=a mean=90 x1
        0s..60s fill host=a used=95 x1
        60s..120s load host=a mean=90 x1
        120s..180s load host=a mean=10 x1
        """,
    ),
    Case(
        "windows over joined rows count a row a key and window end",
        """
rules:
  - {kpi: load, source: metrics, by: host, every: 1m, values: {mean: avg(cpu)}}
  - {kpi: fill, source: disks, by: host, every: 1m, values: {used: max(disk)}}
  - kpi: both
    source: [load, fill]
    every: 2m
    values: {rows: count(), sides: count(fill.used), mean: avg(load.mean), sum: sum(mean + used)}
  - {alarm: high, source: [load, fill], by: host, every: 1m, partial: true,
     when: "coalesce(max(used over 2m), 0) > avg(mean over 2m)"}
        """,
        """
metrics 0s host=a cpu=90
disks 10s host=a disk=95
metrics 70s host=a cpu=80
metrics 130s host=a cpu=10
disks 260s host=a disk=1
metrics 310s host=a cpu=10
disks 310s host=a disk=1
        """,
        sources=_TWO_SOURCES,
        alerts="""
        60s high fired warning host=a
        180s high resolved warning host=a cleared
        """,
        kpis="""
        0s..60s load host=a mean=90 x1
        0s..60s fill host=a used=95 x1
        60s..120s load host=a mean=80 x1
        0s..120s both host=a rows=2 sides=1 mean=85 sum=185 x2
        120s..180s load host=a mean=10 x1
        120s..240s both host=a rows=1 sides=0 mean=10 sum=0 x1
        240s..300s fill host=a used=1 x1
        """,
    ),
    Case(
        "keys that cross partitions wait for the least watermark",
        "rules: [{kpi: load, source: metrics, by: region, every: 1m, values: {total: sum(cpu)}}]",
        """
        metrics/0 0s host=a region=eu cpu=1
        metrics/1 10s host=b region=eu cpu=2
        metrics/0 61s host=a region=eu cpu=4
        metrics/0 300s host=a region=eu cpu=8
        metrics/1 64.999s host=b region=us cpu=16
        """,
        partitions={"metrics": 2},
        kpis="0s..60s load region=eu total=3 x2",
    ),
    Case(
        "a mark lets an idle partition's watermark go on",
        "rules: [{kpi: load, source: metrics, by: region, every: 1m, values: {total: sum(cpu)}}]",
        """
        metrics/0 0s host=a region=eu cpu=1
        metrics/1 10s host=b region=eu cpu=2
        metrics/0 70s host=a region=eu cpu=4
        metrics/1 mark 59.999s
        metrics/1 59.999s host=b region=eu cpu=8
        """,
        partitions={"metrics": 2},
        kpis="0s..60s load region=eu total=3 x2",
        late="metrics/1@1",
    ),
    Case(
        "where reads table columns; what is dropped still moves the watermark",
        _HIGH + 'where: role == "critical"\n    when: avg(cpu over 10s) > 80',
        """
        0s host=a cpu=90
        0s host=b cpu=90
        0s host=c cpu=90
        1s host=a cpu=0 kind=heartbeat
        20s host=a kind=heartbeat
        """,
        sources="""
metrics:
  topic: metrics
  time: ts
  unit: ms
  max_delay: 5s
  key: host
  drop: kind == "heartbeat"
  enrich: {devices: host}
        """,
        tables={"devices": "host,role\na,critical\nb,spare\n"},
        alerts="10s high fired warning host=a",
    ),
    Case(
        "what is no event is a dead letter and moves nothing; an undeclared field that does not fit is null",
        _PER_MINUTE,
        """
        0s host=a cpu=1
        raw {"ts": 1767571300000
        raw [1]
        raw {"ts": 1767571300000, "host": 7}
        raw {"host": "a"}
        raw {"ts": "soon", "host": "a"}
        59s host=a cpu=5
        59s host=a cpu=many
        66s host=z
        """,
        sources="metrics: {topic: metrics, time: ts, unit: ms, max_delay: 5s, key: host, fields: {host: string}}",
        kpis="0s..60s load host=a mean=3 x3",
        dead="1:bad_json 2:not_an_object 3:wrong_type 4:missing_time 5:bad_time",
    ),
    Case(
        "ago looks back",
        _HIGH + "when: avg(cpu over 10s) > 2 * avg(cpu over 10s ago 20s)",
        """
        0s host=a cpu=10
        10s host=a cpu=10
        20s host=a cpu=30
        30s host=a cpu=10
        45s host=z
        """,
        alerts="""
        30s high fired warning host=a
        40s high resolved warning host=a cleared
        """,
    ),
    Case(
        "by k aggregates over fewer keys",
        "rules: [{alarm: hog, source: metrics, by: [host, dc], every: 10s, "
        "when: sum(cpu over 10s) > 60% * sum(cpu over 10s by dc)}]",
        """
        0s host=a dc=x cpu=70
        0s host=b dc=x cpu=30
        0s host=c dc=y cpu=5
        20s host=z
        """,
        alerts="""
        10s hog fired warning host=a dc=x
        10s hog fired warning host=c dc=y
        """,
    ),
    Case(
        "a null in by enters no key",
        "rules: [{kpi: load, source: metrics, by: [host, dc], every: 10s, values: {n: count()}}]",
        """
        0s host=a
        1s dc=x
        2s host=a dc=x
        20s host=z
        """,
        kpis="0s..10s load host=a dc=x n=1 x1",
    ),
    Case(
        "aggregates as they are defined",
        """
source: metrics
rules:
  - kpi: all
    by: host
    every: 1m
    values:
      total: sum(cpu)
      spread: stddev(cpu)
      variance: var(cpu)
      least: min(cpu)
      most: max(cpu)
      start: first(cpu)
      end: last(cpu)
      kinds: distinct(cpu)
      high: ratio(cpu >= 5)
      half: p50(cpu)
      n: count(where cpu > 4)
        """,
        """
        1s host=a cpu=4
        1s host=a cpu=2
        2s host=a cpu=4
        3s host=a cpu=4
        4s host=a cpu=5
        5s host=a cpu=5
        6s host=a
        7s host=a cpu=7
        7s host=a cpu=9
        66s host=z
        """,
        # 8 values: rank 4 is 4; 1.01^140 = 4.0271 is the first boundary at or above 4; 2 · 4.0271 / 2.01 = 4.00706
        kpis="0s..60s all host=a total=40 spread=2 variance=4 least=2 most=9 start=2 end=9 kinds=5 high=0.5 "
        "half=4.00706 n=4 x9",
    ),
    Case(
        "a window of more than 288 steps moves by 1/288 of its length, rounded up to a multiple of every",
        "rules: [{alarm: seen, source: metrics, by: host, every: 1s, when: count(over 5m) >= 1, partial: true}]",
        """
        0s host=a
        10s host=z
        """,
        alerts="2s seen fired warning host=a",
    ),
    Case(
        "records of one instant may end an alarm and begin another, while others fall silent",
        "rules: [{alarm: hot, source: metrics, by: host, every: 2s, when: cpu > 90, no_data: resolve after 4s}]",
        """
        0s host=b cpu=95
        1s host=a cpu=95
        1s host=a cpu=10
        1s host=a cpu=96
        30s host=z cpu=1
        31s host=b cpu=95
        32s host=a cpu=10
        """,
        alerts="""
        0s hot fired warning host=b
        1s hot fired warning host=a
        1s hot resolved warning host=a cleared
        1s hot fired warning host=a
        6s hot resolved warning host=a no_data
        6s hot resolved warning host=b no_data
        31s hot fired warning host=b
        """,
    ),
]
