"""Shards embedded by the processes of a Ray cluster, which write them where all can reach them."""

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from crosscam.errors import CrosscamError, DataError
from crosscam.extras import import_extra
from crosscam.features.embed_shards import embed_shards
from crosscam.features.loading import BrokenPictureError
from crosscam.features.work import ModelSource, OnPictures, Work

_PURPOSE = "embedding on a cluster"


def embed_on_ray(
    source: ModelSource,
    work: Work,
    shards: Sequence[int],
    actors: int | None,
    on_pictures: OnPictures,
) -> None:
    """Have shards embedded by `actors` processes of Ray, each with the model loaded once.

    The cluster is the one that `ray.init` finds, or that RAY_ADDRESS names; else one is started on
    this machine. Raises `ExtraError` without Ray, and the error of the first shard that has one.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray = import_extra("ray", extra="ray", purpose=_PURPOSE)
    data = import_extra("ray.data", extra="ray", purpose=_PURPOSE)
    with _cluster(ray):
        context = data.DataContext.get_current()
        context.enable_progress_bars = False
        found = ray.cluster_resources()
        gpus = int(found.get("GPU", 0)) if source.device != "cpu" else 0
        most = actors or max(1, gpus or int(found.get("CPU", 1)))
        dataset = data.from_items(
            [{"shard": shard} for shard in shards], override_num_blocks=len(shards)
        ).map_batches(
            _Embedding,
            fn_constructor_args=(source, work),
            batch_size=1,
            concurrency=min(most, len(shards)),
            num_cpus=1,
            num_gpus=1 if gpus else 0,
        )
        for row in dataset.iter_rows():
            _raise_fault(row)
            on_pictures(work.manifest.pictures_in(int(row["shard"])))


class _Embedding:
    """An actor: the model, loaded once, embeds whatever shard it is given."""

    def __init__(self, source: ModelSource, work: Work) -> None:
        self._work = work
        self._embedder = source.load()

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, list[Any]]:
        shards = [int(shard) for shard in batch["shard"]]
        kind = fault = ""
        try:
            embed_shards(self._embedder, self._work, shards, lambda _count: None)
        except CrosscamError as error:
            kind, fault = type(error).__name__, str(error)
        return {"shard": shards, "kind": [kind] * len(shards), "fault": [fault] * len(shards)}


def _raise_fault(row: Mapping[str, Any]) -> None:
    if row["kind"] == BrokenPictureError.__name__:
        raise BrokenPictureError(row["fault"])
    if row["fault"]:
        raise DataError(row["fault"])


@contextmanager
def _cluster(ray: Any) -> Iterator[None]:
    """A connection to a cluster, ended with the block if it was not there before."""
    if ray.is_initialized():
        yield
        return
    ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    try:
        yield
    finally:
        ray.shutdown()
