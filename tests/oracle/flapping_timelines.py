"""Timelines of keys that flap, each with its answers worked out by hand from README.md."""

from __future__ import annotations

from tests.oracle.world import Case

FLAPPINGS = [
    Case(
        "a key flaps from its third change on, until at the instant of a change one of late is left",
        "rules: [{alarm: hot, source: metrics, by: host, when: cpu > 90, flapping: 3 changes in 10s until 1}]",
        """
        1s host=a cpu=95
        2s host=a cpu=10
        3s host=a cpu=95
        4s host=a cpu=10
        13s host=a cpu=95
        14s host=a cpu=10
        30s host=a cpu=10
        """,
        alerts="""
        1s hot fired warning host=a
        2s hot resolved warning host=a cleared
        3s hot fired warning host=a muted
        3s hot flapping warning host=a changes=3 window=10s
        4s hot resolved warning host=a cleared muted
        13s hot fired warning host=a
        13s hot resolved warning host=a changes=4 window=10s calmed_down
        14s hot resolved warning host=a cleared
        """,
    ),
    Case(
        "what is up when a flap is over between two judgements is told at the next",
        "rules: [{alarm: hot, source: metrics, by: host, every: 10s, partial: true, when: max(cpu over 10s) > 90, "
        "flapping: 3 changes in 25s}]",
        """
        1s host=a cpu=95
        11s host=a cpu=10
        21s host=a cpu=95
        31s host=a cpu=95
        41s host=a cpu=95
        51s host=a cpu=95
        61s host=a cpu=95
        71s host=a cpu=10
        90s host=a cpu=10
        """,
        alerts="""
        10s hot fired warning host=a
        20s hot resolved warning host=a cleared
        30s hot fired warning host=a muted
        30s hot flapping warning host=a changes=3 window=25s
        55s hot resolved warning host=a changes=3 window=25s calmed_down
        60s hot unmuted warning host=a
        80s hot resolved warning host=a cleared
        """,
    ),
    Case(
        "of an alarm that is judged at once no change is before the one ahead of it in the log",
        "rules: [{alarm: hot, source: metrics, by: host, when: cpu > 90, flapping: 3 changes in 4s}]",
        """
        5s host=a cpu=95
        3s host=a cpu=10
        8s host=a cpu=95
        7s host=a cpu=10
        20s host=a cpu=10
        """,
        alerts="""
        3s hot resolved warning host=a cleared
        5s hot fired warning host=a
        7s hot resolved warning host=a cleared muted
        8s hot fired warning host=a muted
        8s hot flapping warning host=a changes=3 window=4s
        12s hot resolved warning host=a changes=4 window=4s calmed_down
        """,
    ),
]
