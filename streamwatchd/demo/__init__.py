"""Shipped traffic and the demonstration: `python -m streamwatchd.demo`."""
