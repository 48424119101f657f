"""One S3 server for a test session."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.s3.server import CannotRun, Server, running


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Skips with a word where there is none, or fails where STREAMWATCHD_REQUIRE_S3=1."""
    try:
        with running(tmp_path_factory.mktemp("s3")) as server:
            yield server
    except CannotRun as problem:
        if os.environ.get("STREAMWATCHD_REQUIRE_S3") == "1":
            pytest.fail(f"no S3 server: {problem}")
        pytest.skip(f"no S3 server: {problem}")
