"""A repository of models in a bucket, on a real S3 server."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamwatchd.errors import ModelRejected
from streamwatchd.ports.s3 import S3Files
from streamwatchd.repository.catalog import Catalog
from streamwatchd.repository.store import GOOD, WITHDRAWN, ModelStore, Status
from tests.models.trees import forest, manifest
from tests.s3.server import BUCKET, Server

pytestmark = pytest.mark.s3


def test_versions_live_in_a_bucket(s3: Server, tmp_path: Path) -> None:
    """Written, taken, told apart at a look, withdrawn with an audit line; a spoilt one is refused alone."""
    files, root = S3Files(BUCKET, s3.options), Path("/tests") / tmp_path.name / "models"
    store = ModelStore(files, root)
    looks = [Catalog(files, root).fingerprint()]
    for version in (1, 2, 3):
        store.publish(manifest(version=version), forest(version), Status(GOOD, by="ann"))
        looks.append(Catalog(files, root).fingerprint())
    assert len(set(looks)) == 4
    assert (store.names(), store.versions("mix"), store.newest("mix")) == (["mix"], [1, 2, 3], 3)
    read = store.read("mix", 2)
    assert read.arrays["threshold"].tobytes() == forest(2)["threshold"].tobytes()
    files.write(root / "mix" / "3" / "model.safetensors", b"not what was written")
    with pytest.raises(ModelRejected, match="bytes, not"):
        store.read("mix", 3)
    found = list(Catalog(files, root, shown="s3://monitoring/models").candidates("mix"))
    assert [(each.id, each.data is None) for each in found] == [("mix@3", True), ("mix@2", False), ("mix@1", False)]
    assert "s3://monitoring/models/mix/3" in found[0].problem
    store.set_status("mix", 2, Status(WITHDRAWN, by="ann", reason="floods"))
    assert [each.id for each in Catalog(files, root).candidates("mix")] == ["mix@3", "mix@1"]
    assert [(line["version"], line["to"]) for line in store.audited("mix")][-1] == (2, WITHDRAWN)
    assert len(store.audited("mix")) == 4
