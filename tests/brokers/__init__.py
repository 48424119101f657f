"""Brokers that fail: a cluster whose brokers are killed, and a network that loses and delays chosen messages.

witness.py       a daemon of which every event wants an alert and a place in a KPI, exactly once
cluster.py       three brokers: one killed, the coordinators killed, all killed, and brought back
injections.py    a proxy before one broker: answers lost, requests lost, delayed, or arriving twice
signals.py       what the client says of each of these, and which calls in which versions it makes
soak.py          one broker killed again and again: what is kept of each outage in memory and threads
ledger.py        what is done, by seed and engine; the tables of docs/reliability.md
__main__.py      `make brokers [INJECTIONS=n ROUNDS=n SEED=s]`
"""
