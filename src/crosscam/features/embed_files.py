"""From pictures on disk to a file of features: begun, gone on with after a kill, put together."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from crosscam.embedding.embedder import Embedder
from crosscam.errors import DataError, InputError, RunError
from crosscam.features.addresses import plain
from crosscam.features.embed_shards import embed_shards
from crosscam.features.feature_file import gather, write_features
from crosscam.features.listing import Pictures, name_pictures
from crosscam.features.loading import BrokenPictureError
from crosscam.features.making import Making
from crosscam.features.manifest import (
    SHARD_SIZE,
    FeatureType,
    Manifest,
    look_through,
    write_list,
    write_manifest,
)
from crosscam.features.place import OutputPlace
from crosscam.features.shards import LeftOut, arrow_of_features, shards_done
from crosscam.features.work import Listeners, ModelSource, Work
from crosscam.files import quoted

Engine = Literal["local", "ray"]
BATCH_SIZE = 64


@dataclass(frozen=True)
class EmbeddedFiles:
    """What `embed_files` did.

    out: the file of features; count: how many there are; left_out: broken pictures that it has no
    features of; resumed: pictures that were done before; seconds: of doing the others; manifest:
    what the file was made of.
    """

    out: str
    count: int
    left_out: tuple[LeftOut, ...]
    resumed: int
    seconds: float
    manifest: Manifest


@dataclass(frozen=True)
class HowToEmbed:
    """What does not change the features but for their last bits, and the pictures without any.

    batch_size: pictures that go through the network at a time; workers: processes that load them;
    skip_broken: whether broken pictures are left out; engine: "local" for this machine, or "ray";
    actors: processes of Ray, None for as many as it has processors, or GPUs where it has some.
    """

    batch_size: int = BATCH_SIZE
    workers: int = 0
    skip_broken: bool = False
    engine: Engine = "local"
    actors: int | None = None

    def __post_init__(self) -> None:
        if self.engine not in get_args(Engine):
            raise InputError(f'engine is "local" or "ray", not {self.engine!r}')
        actors = 1 if self.actors is None else self.actors
        if self.batch_size < 1 or self.workers < 0 or actors < 1:
            raise InputError("batch_size and actors must be 1 or more, workers 0 or more")


def embed_files(
    pictures: Sequence[str | os.PathLike[str]] | str | os.PathLike[str],
    model: str | os.PathLike[str] | ModelSource,
    out: str | os.PathLike[str],
    *,
    pattern: str | None = None,
    dtype: FeatureType = "float32",
    flip: bool = False,
    force: bool = False,
    how: HowToEmbed | None = None,
    listeners: Listeners | None = None,
) -> EmbeddedFiles:
    """Embed pictures into a file of features, `.parquet` or `.npz`, in their order.

    `pictures` are folders, all pictures below which are taken, sorted; single files; CSV tables
    with a column `path`, and `pid`, `camid` and `time` where they are known; and addresses of any
    of these that fsspec knows, such as `s3://bucket/folder`; `out` may be one, too. `pattern` says
    what paths below a folder tell of who is in a picture, such as "{pid}_{camid}_{time}.jpg"; what
    does not match it has no labels. `model` is as `load_embedder` takes it, or a `ModelSource`,
    which says how it is run. With `flip` a feature is the mean of those of the picture and of its
    mirror image.

    The file has columns path (string), pid, camid and time (int64 where all are whole numbers, else
    string; absent where nothing says them), and feature, (D,) of `dtype`, "float32" or "float16".
    What made them stands in its metadata under "crosscam". An `.npz` has the arrays features
    (N, D), paths, pids, camids, times, and crosscam.

    Work is done in shards of some thousand pictures, kept in a folder beside the file, so that no
    more is held in memory, and so that the same call goes on after whatever ended it, with the
    runtime and precision that it was begun with, to the same file. `how` says who does it,
    `listeners` who is told. With `force` it is begun anew, and a file that is there is replaced.

    Raises `DataError` for pictures that are not there and for the first broken one, unless those
    are skipped; `RunError` where a file is there already, or work that was begun otherwise;
    `InputError` for what cannot be made; and what `load_embedder` raises.
    """
    how, listeners = how or HowToEmbed(), listeners or Listeners()
    arrow_of_features()
    if dtype not in get_args(FeatureType):
        raise InputError(f'dtype is "float32" or "float16", not {dtype!r}')
    named = name_pictures(pictures, pattern=pattern)
    place = OutputPlace.of(plain(out))
    source = model if isinstance(model, ModelSource) else ModelSource(os.fspath(model))
    with place.held():
        begun = place.begun(force=force)
        source = source if begun is None else source.as_before(begun.making)
        embedder = source.load(listeners)
        making = Making.of(embedder, model=source.name, flip=flip)
        source = source.as_before(making)  # what was found to be fastest is not looked for again
        if begun is None:
            manifest = _begin(place, named, making, embedder.feature_dim, dtype)
        else:
            _refuse_other_work(begun, making, dtype, place)
            _note_other_versions(begun.making, making, listeners)
            _refuse_other_pictures(begun, named, place)
            manifest = begun
        work = Work(place.parts.address, manifest, how.batch_size, how.workers, how.skip_broken)
        resumed, seconds = _embed(embedder, source, work, how, place, listeners)
        left_out, count = _put_together(place, manifest)
    return EmbeddedFiles(plain(out), count, left_out, resumed, seconds, manifest)


def _begin(
    place: OutputPlace, named: Pictures, making: Making, feature_dim: int, dtype: FeatureType
) -> Manifest:
    place.clear()
    place.parts.make()
    facts = write_list(place.parts, named, shard_size=SHARD_SIZE)
    if named.pattern is not None and facts.unlabelled == facts.count:
        first = next(iter(named)).path
        raise DataError(
            f"none of the {facts.count:,} pictures matches {named.pattern.text}; the first is "
            f"{quoted(first)}; the pattern is compared with paths below the folder that is named"
        )
    manifest = Manifest(
        making=making,
        feature_dim=feature_dim,
        dtype=dtype,
        shard_size=SHARD_SIZE,
        pictures=facts,
    )
    write_manifest(place.parts, manifest)
    return manifest


def _refuse_other_work(
    begun: Manifest, making: Making, dtype: FeatureType, place: OutputPlace
) -> None:
    differences = list(begun.making.differences(making))
    if begun.dtype != dtype:
        differences.append(f"dtype was {begun.dtype}, now {dtype}")
    if differences:
        raise RunError(
            f"{quoted(place.name)} was begun otherwise: {'; '.join(differences)}; go on as it was "
            "begun, choose another name, or begin anew with --force"
        )


def _note_other_versions(begun: Making, now: Making, listeners: Listeners) -> None:
    others = [
        f"{package} {version}, now {now.versions[package]}"
        for package, version in begun.versions.items()
        if now.versions.get(package, version) != version
    ]
    if others:
        listeners.on_note(
            f"it was begun with {', '.join(others)}: its features may differ in their last digits"
        )


def _refuse_other_pictures(begun: Manifest, named: Pictures, place: OutputPlace) -> None:
    now = look_through(named)
    if now != begun.pictures:
        raise RunError(
            f"{quoted(place.name)} was begun with other pictures: {begun.pictures.count:,} then, "
            f"{now.count:,} now, or of other sizes, names or labels; give those, choose another "
            "name, or begin anew with --force"
        )


def _embed(
    embedder: Embedder,
    source: ModelSource,
    work: Work,
    how: HowToEmbed,
    place: OutputPlace,
    listeners: Listeners,
) -> tuple[int, float]:
    """Have the shards made that are not there: how many pictures were done before, and seconds."""
    manifest = work.manifest
    done = shards_done(place.parts, manifest)
    before = sum(manifest.pictures_in(shard) for shard in done)
    todo = [shard for shard in range(manifest.num_shards) if shard not in done]
    if before:
        listeners.on_note(f"going on: {before:,} of {manifest.pictures.count:,} pictures are done")
    on_pictures = listeners.on_images("embedding", manifest.pictures.count - before)
    start = time.monotonic()
    try:
        if how.engine == "ray" and todo:
            from crosscam.features.engine_ray import embed_on_ray  # noqa: PLC0415 - an extra

            embed_on_ray(source, work, todo, how.actors, on_pictures)
        else:
            embed_shards(embedder, work, todo, on_pictures)
    except BrokenPictureError as error:
        kept = sum(manifest.pictures_in(shard) for shard in shards_done(place.parts, manifest))
        raise DataError(
            f"{error}; or leave such pictures out with --skip-broken: the same command goes on "
            f"behind the {kept:,} pictures that are done"
        ) from None
    return before, time.monotonic() - start


def _put_together(place: OutputPlace, manifest: Manifest) -> tuple[tuple[LeftOut, ...], int]:
    gathered = gather(place.parts, manifest)
    if not gathered.rows:
        first = gathered.left_out[0]
        raise DataError(f"none of the {len(gathered.left_out):,} pictures can be read: {first.why}")
    write_features(place.folder, place.name, place.parts, manifest, gathered)
    return gathered.left_out, gathered.rows
