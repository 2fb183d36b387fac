"""`crosscam export`: a trained model in, one file for other runtimes out."""

from pathlib import Path
from typing import Any

from crosscam.cli.commands.export import CostOptions, ExportOptions
from crosscam.cli.console import screen_for
from crosscam.cli.data_sets import open_dataset
from crosscam.cli.output import check_json_file, write_json
from crosscam.cli.watching import ConsoleWatcher
from crosscam.devices import repeatable
from crosscam.embedding.load import load_embedder
from crosscam.errors import InputError
from crosscam.export.export import ExportedModel, export_model, refuse_place
from crosscam.files import safe_name, sha256_of
from crosscam.screen import shown
from crosscam.weights.saved import WEIGHTS_FILE

_SUFFIXES = {"onnx": ".onnx", "torch-export": ".pt2"}


def export_to_file(
    model: str, options: ExportOptions, data: CostOptions, *, json_file: Path | None
) -> None:
    """Export a model, and say what was checked and what it cost."""
    check_json_file(json_file)
    smaller = options.half or options.int8 is not None
    if data.name is not None and not smaller:
        raise InputError("--data is what --half and --int8 are measured on; leave it out")
    file = options.out or Path(_name(model) + _SUFFIXES[options.to])
    refuse_place(file, overwrite=options.force)
    dataset = open_dataset(data.all) if smaller else None
    with ConsoleWatcher() as watcher, repeatable(threads=0):
        embedder = load_embedder(
            model, runtime="torch", device="cpu", on_bytes=watcher.on_download(model)
        )
        done = export_model(
            embedder,
            file,
            to=options.to,
            with_preprocessing=options.with_preprocessing,
            half=options.half,
            int8=options.int8,
            cost_on=dataset,
            overwrite=options.force,
            on_images=watcher.on_images,
        )
    screen = screen_for(json_file)
    for line in _lines(done):
        screen.print(line)
    write_json(_content(model, options.to, done), json_file)


def _name(model: str) -> str:
    """What a model is called: the run's folder, or the file's name up to its first dot."""
    path = Path(model)
    if path.name == WEIGHTS_FILE:
        return safe_name(path.absolute().parent.name)
    return safe_name(path.name.split(".")[0] if path.is_file() else path.absolute().name)


def _lines(done: ExportedModel) -> list[str]:
    card, check = done.card, done.check
    size = card.card.input
    takes = "uint8 RGB, (N, {}, {}, 3)" if card.has_preprocessing else "float32, (N, 3, {}, {})"
    what = f"{shown(done.file)}: {card.card.architecture}"
    gives = f"float32, (N, {card.card.feature_dim})"
    takes = takes.format(size.height, size.width)
    kind = f"ONNX, opset {card.opset}" if card.opset else "torch.export"
    megabytes = done.file.stat().st_size / 1e6
    batches = ", ".join(map(str, check.batches[:-1])) + f" and {check.batches[-1]}"
    ranks = "the same ranks" if check.same_order else "other ranks"
    lines = (
        (what, kind, card.precision, f"{megabytes:.1f} MB"),
        (f"takes {takes}; gives {gives}", f"metric {card.card.metric}"),
        (
            f"checked on {check.pictures} pictures of the built-in people at batch {batches}",
            f"cosine distance to the model at most {check.largest_distance:.1e}",
            ranks,
        ),
    )
    cost = [f"what {card.precision} costs {done.cost.in_words()}"] if done.cost else []
    return [*(", ".join(line) for line in lines), *cost]


def _content(model: str, to: str, done: ExportedModel) -> dict[str, Any]:
    """What a `--json` file says."""
    check = done.check
    return {
        "model": model,
        "out": str(done.file),
        "to": to,
        "opset": done.card.opset,
        "precision": done.card.precision,
        "has_preprocessing": done.card.has_preprocessing,
        "bytes": done.file.stat().st_size,
        "sha256": sha256_of(done.file),
        "checked": {
            "pictures": check.pictures,
            "batches": list(check.batches),
            "largest_cosine_distance": check.largest_distance,
            "same_ranks": check.same_order,
        },
        "cost": done.card.cost,
    }
