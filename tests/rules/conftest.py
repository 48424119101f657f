"""One small project in which rules are checked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from streamwatchd.rules.loader import Loaded, load

CONFIG = """
sources:
  metrics:
    topic: telecom.metrics
    time: ts
    key: host
    fields:
      host: string
      mount: string
      up: bool
      cpu: {type: float, unit: percent}
      disk: {type: float, unit: percent}
    enrich: {devices: host}
  api:
    topic: telecom.api
    time: ts
    fields: {service: string, region: string, status: int, latency: {type: float, unit: ms}}
  loose:
    topic: telecom.loose
    enrich: {devices: host, sites: site}
"""

Check = Callable[..., Loaded]


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Check:
    """Loads rules text in a project with three sources and two tables; other files by keyword, `/` as `__`."""

    def load_rules(rules: str = "", config: str = CONFIG, **files: str) -> Loaded:
        for folder in ("rules.d", "enrichment.d"):
            (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / "streamwatchd.yaml").write_text(config)
        (tmp_path / "enrichment.d" / "devices.csv").write_text("host,role,region\na,core,eu\n")
        (tmp_path / "enrichment.d" / "sites.csv").write_text("site,owner,region\nx,ops,eu\n")
        if rules:
            (tmp_path / "rules.d" / "rules.yaml").write_text(rules)
        for name, text in files.items():
            path = tmp_path / name.replace("__", "/").replace("_dot_", ".")
            path.write_text(text)
        monkeypatch.chdir(tmp_path)
        return load(Path("streamwatchd.yaml"))

    return load_rules
