"""Fixtures and options for every test."""

from __future__ import annotations

import pytest

from tests.kafka.fixtures import kafka as kafka
from tests.s3.fixtures import s3 as s3


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="rewrite golden files and what the README shows")
