"""`reload: {rule: {field: …}}`: a project loaded again with other fields of some rules."""

from __future__ import annotations

import json
from collections import defaultdict

from streamwatchd.errors import UnreadableInput
from streamwatchd.rules.document import plain
from streamwatchd.rules.loader import Loaded, load
from streamwatchd.rules.reader import parse
from streamwatchd.rules.silence_reader import is_spoken
from streamwatchd.testing.timeline import Patch


def patched(loaded: Loaded, patch: Patch, spoken: bytes = b"") -> Loaded:
    """With what was said at run time. Raises UnreadableInput where any of it does not check, with what is wrong."""
    by_file: dict[str, dict[str, dict[str, object]]] = defaultdict(dict)
    for rule, fields in patch.items():
        by_file[loaded.ruleset.rule(rule).span.file][rule] = dict(fields)
    replaced = {file: _content(file, loaded.files[file], rules) for file, rules in by_file.items()}
    again = load(loaded.config, rules_dir=loaded.rules_dir, replaced=replaced, spoken=spoken)
    for each in again.diagnostics:
        if each.is_error and each.rule in patch:
            raise UnreadableInput(f"the reload of a test does not check: rule {each.rule}: {each.message}")
        if is_spoken(each):
            raise UnreadableInput(f"a silence or an acknowledgement of a test does not check: {each.message}")
    return again


def _content(file: str, content: bytes, rules: dict[str, dict[str, object]]) -> bytes:
    """As JSON, which is YAML: nobody but the loader reads it."""
    top = parse(file, content).top
    assert top is not None
    document = plain(top)
    assert isinstance(document, dict)
    for rule in document["rules"]:
        for head in ("alarm", "kpi", "anomaly"):
            for field, value in rules.get(str(rule.get(head)), {}).items():
                if value is None:
                    rule.pop(field, None)
                else:
                    rule[field] = value
    return (json.dumps(document, ensure_ascii=False) + "\n").encode()
