"""The report holds what an operator decides by, and its pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from streamwatchd.operators.document import iso
from streamwatchd.training.report import write_report
from streamwatchd.training.train import train
from tests.models.rhythms import traffic
from tests.training.test_train import nothing, order


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_report_has_the_expected_alarms_the_rule_and_pictures(tmp_path: Path) -> None:
    history = traffic(4, keys=4)
    trained = train(order(query="when: score > 0.95 & <b>", rule="off"), history, nothing)
    path = write_report(trained, history, tmp_path / "report")
    page = path.read_text()
    odd = np.flatnonzero(trained.judged)[np.argmax(trained.raw[trained.judged])]
    assert f"<td>{iso(int(history.ends_ms[odd]))}</td>" in page
    assert "link_traffic@1" in page
    assert "0.143 a key and day promised" in page
    assert "&amp; &lt;b&gt;" in page
    assert page.count("data:image/png;base64,") == 2
    for name in ("scores.png", "forecast.png"):
        assert (path.parent / name).read_bytes().startswith(b"\x89PNG")
