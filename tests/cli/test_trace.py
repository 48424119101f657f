"""`swctl trace`; what it prints stands in tests/cases/cli/330_trace.txt."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.small import START, copy, swctl

WHOLE = {"ts": START, "shop": "a", "page": "home", "status": 200, "latency": 5}


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("enrich: {shops: shop}", "alarm shop_slow"),
        ("sample: 1%", "by `sample:` of the source web"),
        ("drop: status == 200", "by `drop: status == 200` of the source web"),
    ],
)
def test_it_says_who_takes_a_record_or_why_nobody_does(tmp_path: Path, source: str, says: str) -> None:
    """In a partition that is not the first, too."""
    config = copy(tmp_path)
    config.write_text(config.read_text().replace("enrich: {shops: shop}", source))
    rules = tmp_path / "rules.d" / "shop.yaml"
    rules.write_text(rules.read_text().replace(" ({owner})", ""))
    record = {"topic": "web.requests", "partition": 2, "offset": 7, "timestamp": START * 1000, "value": WHOLE}
    (tmp_path / "a.ndjson").write_text(json.dumps(record) + "\n")
    result = swctl("trace", "web.requests:2:7", "--config", config, "--recording", tmp_path / "a.ndjson")
    assert (result.exit_code, result.stderr) == (0, "")
    assert says in result.stdout
