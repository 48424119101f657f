"""Fixtures for every test."""

from __future__ import annotations

from tests.kafka.fixtures import kafka as kafka
