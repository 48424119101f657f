"""What is published fits the published schemas."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import jsonschema

SCHEMAS = Path(__file__).parents[1] / "schemas"


def misfits(schema: str, documents: Iterable[object]) -> list[str]:
    """What is wrong with documents by `schemas/<schema>.json`: the first words of each kind of mistake."""
    validator = jsonschema.Draft202012Validator(
        json.loads((SCHEMAS / f"{schema}.json").read_text()), format_checker=jsonschema.FormatChecker()
    )
    found = (f"{error.json_path}: {error.message[:200]}" for each in documents for error in validator.iter_errors(each))
    return sorted(set(found))
