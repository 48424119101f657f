"""Aggregates over windows: what each keeps per key and pane, and how it reads its answer from that."""
