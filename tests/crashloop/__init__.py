"""The crash loop: the daemon on a real Kafka, killed again and again, held to what an undisturbed one would have said.

project.py       rules of every kind, the edits that are made while they run, and traffic for them
scored.py        anomaly rules, and the models that they take
kafka_log.py     what Kafka has committed, read on from where the last reading stopped
reenactment.py   the same records, marks and switches through shards that nobody kills, and through the oracle
blows.py         what is killed or stopped, and when
calls.py         death at the n-th write, fsync or rename
loop.py          one run: cycles of traffic, reloads and blows, each with its verdict
ledger.py        runs that are done, by seed and engine; the table of docs/reliability.md
__main__.py      `make crashloop KILLS=n SEED=s [MINUTES=m]`
"""
