"""Streaming rules, KPIs and alarms over Kafka: one daemon, its whole behaviour in YAML."""

__version__ = "0.1.0"
