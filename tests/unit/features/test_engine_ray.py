"""Shards made by Ray, on a small cluster of this machine."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq
import pytest
from features import save_tiny, write_crops

from crosscam.errors import DataError
from crosscam.features import embed_files as module
from crosscam.features.addresses import open_folder
from crosscam.features.embed_files import HowToEmbed, embed_files
from crosscam.features.engine_ray import _Embedding, _raise_fault
from crosscam.features.loading import BrokenPictureError
from crosscam.features.manifest import read_manifest
from crosscam.features.work import ModelSource, Work

ray = pytest.importorskip("ray")
MODEL = ModelSource("model", runtime="torch")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def _cluster(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        ray.init(
            num_cpus=1,
            object_store_memory=80_000_000,
            include_dashboard=False,
            log_to_driver=False,
        )
        yield
        ray.shutdown()


class Begun(NamedTuple):
    broken: Path
    content: bytes


@pytest.fixture
def begun(tmp_path, monkeypatch):
    """Work that ended at a broken picture in its second shard."""
    monkeypatch.setattr(module, "SHARD_SIZE", 8)
    monkeypatch.chdir(tmp_path)
    save_tiny(tmp_path / "model")
    broken = sorted(write_crops(tmp_path / "crops", 21).iterdir())[10]
    content = broken.read_bytes()
    broken.write_bytes(content[:200] + b"0" * (len(content) - 200))
    with pytest.raises(DataError, match="8 pictures that are done"):
        embed_files("crops", MODEL, "f.parquet", pattern="{pid}_*.jpg")
    return Begun(broken, content)


@pytest.mark.usefixtures("_cluster")
def test_a_cluster_goes_on_with_what_this_machine_began_to_the_same_features(begun):
    begun.broken.write_bytes(begun.content)
    how = HowToEmbed(engine="ray")
    done = embed_files("crops", MODEL, "f.parquet", pattern="{pid}_*.jpg", how=how)
    assert (done.count, done.resumed) == (21, 8)
    alone = embed_files("crops", MODEL, "alone.parquet", pattern="{pid}_*.jpg")
    assert done.manifest == alone.manifest
    ours, theirs = (pq.read_table(f"{name}.parquet") for name in ("alone", "f"))
    assert ours.schema.equals(theirs.schema, check_metadata=True)
    assert ours.drop(["feature"]).equals(theirs.drop(["feature"]))
    features = [np.stack(table["feature"].to_numpy()) for table in (ours, theirs)]
    np.testing.assert_allclose(*features, rtol=1e-4, atol=1e-6)


def test_an_actor_says_what_is_wrong_and_the_command_raises_it(begun):
    parts = begun.broken.parents[1] / ".f.parquet.parts"
    manifest = read_manifest(open_folder(str(parts)))
    work = Work(str(parts), manifest, batch_size=4, workers=0, skip_broken=False)
    actor = _Embedding(MODEL, work)
    [good], [bad] = ([actor({"shard": [shard]})] for shard in (2, 1))
    _raise_fault({name: values[0] for name, values in good.items()})
    with pytest.raises(BrokenPictureError, match=begun.broken.name):
        _raise_fault({name: values[0] for name, values in bad.items()})
    with pytest.raises(DataError, match="otherwise"):
        _raise_fault({"shard": 1, "kind": "InputError", "fault": "otherwise"})
