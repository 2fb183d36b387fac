"""`crosscam embed`: pictures in, a file of features out."""

import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from crosscam.cli.commands.embed import FeatureOptions, WorkOptions
from crosscam.cli.commands.options import LoadingOptions, ModelOptions
from crosscam.cli.console import screen_for
from crosscam.cli.loading import preprocess_of
from crosscam.cli.output import check_json_file, write_json
from crosscam.cli.watching import ConsoleWatcher
from crosscam.devices import resolve_device
from crosscam.errors import Interrupted
from crosscam.features.embed_files import EmbeddedFiles, HowToEmbed, embed_files
from crosscam.features.work import Listeners, ModelSource
from crosscam.files import quoted

_SHOWN = 5  # broken pictures


def embed_pictures(
    pictures: Sequence[str],
    model: str,
    out: str,
    features: FeatureOptions,
    loading: LoadingOptions,
    work: WorkOptions,
    how_run: ModelOptions,
    *,
    architecture: str | None,
    json_file: Path | None,
) -> None:
    """Embed pictures into a file, and say what is in it."""
    check_json_file(json_file)
    resolve_device(loading.device)  # before pictures are looked for
    how = HowToEmbed(
        loading.batch_size, loading.workers, work.skip_broken, work.engine, work.actors
    )
    with ConsoleWatcher() as watcher:
        listeners = Listeners(watcher.on_images, watcher.on_note, watcher.on_download(model))
        try:
            done = embed_files(
                pictures,
                _source(model, loading.device, architecture, how_run),
                out,
                pattern=features.pattern,
                dtype=features.dtype,
                flip=features.flip,
                force=work.force,
                how=how,
                listeners=listeners,
            )
        except KeyboardInterrupt:
            raise Interrupted(
                "stopped; the same command, without --force, goes on", signal.SIGINT
            ) from None
    _show(done, json_file)
    write_json(_content(done), json_file)


def _source(
    model: str, device: str, architecture: str | None, options: ModelOptions
) -> ModelSource:
    return ModelSource(
        model,
        device,
        architecture,
        options.runtime or "auto",
        options.precision,
        preprocess_of(options),
        options.metric,
    )


def _show(done: EmbeddedFiles, json_file: Path | None) -> None:
    screen, making = screen_for(json_file), done.manifest.making
    for picture in done.left_out[:_SHOWN]:
        screen.print(f"left out: {picture.why}")
    if len(done.left_out) > _SHOWN:
        screen.print(f"left out: {len(done.left_out) - _SHOWN:,} more; --json FILE lists them")
    unlabelled = done.manifest.pictures.unlabelled
    if unlabelled and done.manifest.pictures.pid is not None:
        screen.print(f"without a person, since nothing says who it is: {unlabelled:,}")
    speed = _speed(done)
    screen.print(
        f"{done.count:,} features of {done.manifest.feature_dim} {done.manifest.dtype} numbers in "
        f"{quoted(done.out)}, {len(done.left_out):,} pictures left out; made by "
        f"{making.model} with {making.runtime}, {making.precision}"
        + (f", {speed:,.0f} pictures a second" if speed else "")
    )


def _speed(done: EmbeddedFiles) -> float | None:
    """Pictures a second of those that were not done before."""
    embedded = done.manifest.pictures.count - done.resumed
    return embedded / done.seconds if embedded and done.seconds else None


def _content(done: EmbeddedFiles) -> dict[str, Any]:
    """What a `--json` file says."""
    return {
        "out": done.out,
        "features": done.count,
        "feature_dim": done.manifest.feature_dim,
        "dtype": done.manifest.dtype,
        "made": done.manifest.making.model_dump(mode="json"),
        "pictures": done.manifest.pictures.model_dump(mode="json"),
        "left_out": [picture._asdict() for picture in done.left_out],
        "resumed": done.resumed,
        "images_per_second": _speed(done),
    }
