"""Manifests are read as strictly as they are written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from streamwatchd.errors import ModelRejected
from streamwatchd.repository.manifest import decode_manifest, encode_manifest
from tests.models.trees import manifest


def test_a_manifest_is_text_that_people_read() -> None:
    text = encode_manifest(manifest())
    assert text.startswith(b'{\n  "format": 1,')
    assert decode_manifest(text) == manifest()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"name": "../x"}, "no name"),
        ({"version": 0}, "versions count from 1"),
        ({"features": []}, "0 features"),
        ({"features": [{"name": "a b"}]}, "no valid name"),
        ({"every_ms": 0}, "every_ms is 0"),
        ({"kind": 3}, "Expected `str`"),
        ({"hyperparameters": {"a": []}}, "Expected"),
    ],
)
def test_what_is_out_of_range_is_named(change: dict[str, Any], reason: str) -> None:
    text = json.loads(encode_manifest(manifest())) | change
    with pytest.raises(ModelRejected, match=reason):
        decode_manifest(json.dumps(text).encode())
