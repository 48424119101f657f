"""Keys on the command line: named and typed as the rule has them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from streamwatchd.cli.keys import key_of
from streamwatchd.compiler import compile_project
from streamwatchd.errors import UnreadableInput
from streamwatchd.rules.ruleset import Rule
from tests.cli.small import START, swctl

CONFIG = """
app: test
kafka: {bootstrap.servers: "localhost:1"}
sources:
  net:
    topic: net
    time: ts
    fields: {port: float, up: bool, load: float, host: string}
"""
RULES = """
source: net
every: 10s
rules:
  - {alarm: busy, by: [host, port, up], when: avg(load over 10s) > 5}
  - {alarm: at_once, by: port, when: load > 5}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "rules.d").mkdir()
    (tmp_path / "rules.d" / "a.yaml").write_text(RULES)
    (tmp_path / "streamwatchd.yaml").write_text(CONFIG)
    return tmp_path / "streamwatchd.yaml"


@pytest.fixture
def busy(config: Path) -> Rule:
    return compile_project(config).loaded.ruleset.rule("busy")


def test_values_have_the_types_of_the_fields(busy: Rule) -> None:
    """A text of digits is text where the field is."""
    assert key_of(busy, ["host=10", "port=443", "up=true"]) == {"host": "10", "port": 443.0, "up": True}


@pytest.mark.parametrize(
    ("texts", "why"),
    [
        (["host=a", "port=443"], "`busy` takes --key host=… --key port=… --key up=…"),
        (["host=a", "prot=443", "up=true"], "`busy` takes"),
        (["host=a", "port=https", "up=true"], "--key port=https: `port` is a number, such as 443"),
        (["host=a", "port=443", "up=yes"], "--key up=yes: `up` is true or false"),
        (["host=a", "host=b"], "say it once"),
    ],
)
def test_what_is_no_key_of_the_rule_is_told(busy: Rule, texts: list[str], why: str) -> None:
    with pytest.raises(UnreadableInput, match=why):
        key_of(busy, texts)


@pytest.mark.parametrize(("rule", "keys"), [("busy", ("host=a", "port=443", "up=true")), ("at_once", ("port=443",))])
def test_explain_finds_keys_that_are_no_text(config: Path, rule: str, keys: tuple[str, ...]) -> None:
    """In a recording, of alarms on windows and on events."""
    path = config.parent / "a.ndjson"
    events = [
        {"ts": START + second, "host": "a", "port": port, "up": True, "load": 9 if port == 443 else 1}
        for second in range(60)
        for port in (80, 443)
    ]
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    given = [word for key in keys for word in ("--key", key)]
    told = swctl("explain", rule, "--config", config, "--recording", path, *given)
    assert told.exit_code == 0, told.output
    assert "port=443" in told.stdout
    assert "firing as" in told.stdout
    assert "nothing was written for this key" not in told.stdout
