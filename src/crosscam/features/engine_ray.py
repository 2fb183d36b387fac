"""Shards embedded by the processes of a Ray cluster, which write them where all can reach them."""

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from crosscam.errors import CrosscamError, DataError, RunError
from crosscam.extras import import_extra
from crosscam.features.addresses import is_address
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
    ray = import_extra("ray", extra="ray", purpose=_PURPOSE)
    data = import_extra("ray.data", extra="ray", purpose=_PURPOSE)
    source, work = _from_anywhere(source, work)
    with _cluster(ray), _quietly(data):
        gpus = 0 if source.device == "cpu" else int(ray.cluster_resources().get("GPU", 0))
        most = actors or max(1, gpus or int(ray.cluster_resources().get("CPU", 1)))
        rows = data.from_items(
            [{"shard": shard} for shard in shards], override_num_blocks=len(shards)
        ).map_batches(
            _Embedding,
            fn_constructor_args=(source, work),
            batch_size=1,
            compute=data.ActorPoolStrategy(size=min(most, len(shards))),
            num_cpus=1,
            num_gpus=1 if gpus else 0,
        )
        try:
            for row in rows.iter_rows():
                _raise_fault(row)
                on_pictures(work.manifest.pictures_in(int(row["shard"])))
        except ray.exceptions.RayError as error:
            words = str(error).strip().partition("\n")[0]
            raise RunError(
                f"the cluster gave up ({words}); shards that are done are kept, and the same "
                "command goes on"
            ) from None


def _from_anywhere(source: ModelSource, work: Work) -> tuple[ModelSource, Work]:
    """The same, with paths that do not depend on the folder that a process runs in."""
    if Path(source.name).exists():
        source = replace(source, name=str(Path(source.name).absolute()))
    if not is_address(work.parts):
        work = replace(work, parts=str(Path(work.parts).absolute()))
    return source, work


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
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # its errors come as exceptions, too
    ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    try:
        yield
    finally:
        ray.shutdown()


@contextmanager
def _quietly(data: Any) -> Iterator[None]:
    """Without Ray's own bars and notes of how it plans."""
    context, logger = data.DataContext.get_current(), logging.getLogger("ray.data")
    before = context.enable_progress_bars, logger.level
    context.enable_progress_bars = False
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        context.enable_progress_bars = before[0]
        logger.setLevel(before[1])
