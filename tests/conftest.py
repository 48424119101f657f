"""Fixtures and options for every test."""

from __future__ import annotations

import pytest

from tests.kafka.fixtures import kafka as kafka


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="rewrite golden files and what the README shows")
