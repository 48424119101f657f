"""Timelines of storms, each with its answers worked out by hand from README.md."""

from __future__ import annotations

from tests.oracle.world import Case

STORMS = [
    Case(
        "past max_active alarms fold into one storm, which is over when none of them fires",
        "rules: [{alarm: hot, source: metrics, by: host, every: 10s, max_active: 1, partial: true, "
        "when: max(cpu over 10s) > 90, labels: {team: noc}}]",
        """
        1s host=c cpu=95
        1s host=b cpu=95
        1s host=a cpu=95
        11s host=a cpu=10
        11s host=b cpu=95
        11s host=c cpu=95
        21s host=b cpu=10
        21s host=c cpu=95
        22s host=d cpu=95
        31s host=c cpu=10
        31s host=d cpu=10
        50s host=a cpu=0
        """,
        alerts="""
        10s hot fired warning host=a
        10s hot fired warning host=b muted
        10s hot fired warning host=c muted
        10s hot storm warning folded=2 [b, c]
        20s hot resolved warning host=a cleared
        30s hot resolved warning host=b cleared muted
        30s hot fired warning host=d
        40s hot resolved warning host=c cleared muted
        40s hot resolved warning host=d cleared
        40s hot resolved warning folded=2 [] cleared
        """,
    ),
    Case(
        "alarms judged at once fold in the order of the log",
        "rules: [{alarm: hot, source: metrics, by: host, max_active: 1, levels: {critical: cpu > 95, "
        "warning: cpu > 90}}]",
        """
        3s host=b cpu=92
        1s host=a cpu=92
        2s host=c cpu=92
        4s host=a cpu=99
        5s host=b cpu=10
        6s host=d cpu=92
        7s host=c cpu=10
        8s host=a cpu=10
        9s host=e cpu=92
        """,
        alerts="""
        1s hot fired warning host=a muted
        1s hot storm warning folded=1 [a]
        2s hot fired warning host=c muted
        2s hot storm warning folded=2 [a, c]
        3s hot fired warning host=b
        4s hot escalated critical host=a muted
        5s hot resolved warning host=b cleared
        6s hot fired warning host=d
        7s hot resolved warning host=c cleared muted
        8s hot resolved critical host=a cleared muted
        8s hot resolved warning folded=2 [] cleared
        9s hot fired warning host=e muted
        9s hot storm warning folded=1 [e]
        """,
    ),
    Case(
        "occurrences past the limit of a minute are muted; the storm is over after a minute without",
        "rules: [{alarm: boom, source: metrics, when: cpu > 90, limit: 2/m}]",
        """
        50s host=a cpu=95
        61s host=a cpu=95
        57s host=a cpu=96
        59s host=a cpu=97
        58s host=a cpu=98
        62s host=a cpu=95
        63s host=a cpu=10
        179s host=a cpu=95
        186s host=b cpu=95
        """,
        alerts="""
        50s boom fired warning
        57s boom fired warning
        58s boom fired warning muted
        58s boom storm warning folded=2
        59s boom fired warning muted
        59s boom storm warning folded=1
        61s boom fired warning
        62s boom fired warning
        120s boom resolved warning folded=2 cleared
        179s boom fired warning
        186s boom fired warning
        """,
    ),
]
