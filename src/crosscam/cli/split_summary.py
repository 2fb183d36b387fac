"""What `crosscam data split` checks before it writes, and what it says of a split."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.table import Table

from crosscam.cli.console import Screen
from crosscam.cli.output import check_place
from crosscam.data.folder import make_dataset
from crosscam.data.own_pictures import OwnPictures
from crosscam.errors import DataError
from crosscam.types import ReIDDataset

_SPLITS = ("train", "query", "gallery")


def check_table_place(
    out: Path, own: OwnPictures, *, root: Path, labels: Path | None, force: bool
) -> None:
    """Refuse a place for a table that cannot be written to, or not be read from again."""
    check_place("--out", out)
    if out.exists() and not force:
        raise DataError(f"{out} is there already; replace it with --force, or give another name")
    base = root.expanduser()
    elsewhere = any(picture.file != base / picture.path for picture in own.pictures)
    if elsewhere and labels is not None and out.parent.resolve() != labels.parent.resolve():
        raise DataError(
            f"the pictures of {labels} lie beside it, not below {root}; put --out beside it, too"
        )


def show_split(own: OwnPictures, screen: Screen) -> None:
    """Print how much there is of each split, what was left out, and what else is to be known."""
    dataset = make_dataset(own)
    table = Table(box=None, pad_edge=False)
    table.add_column("split")
    for title in ("people", "images", "cameras"):
        table.add_column(title, justify="right")
    for split, counts in _counts(dataset).items():
        table.add_row(split, *(f"{count:,}" for count in counts.values()))
    screen.print(table)
    for what, count in dataset.left_out.items():
        screen.print(f"left out: {count:,} {what}")
    for note in dataset.notes:
        screen.print(f"note: {note}")


def describe_split(own: OwnPictures, *, train: float, seed: int) -> dict[str, Any]:
    """The same for programs, with the numbers of all people and cameras."""
    dataset = make_dataset(own)
    return {
        "train_share": train,
        "seed": seed,
        "splits": _counts(dataset),
        "left_out": dict(dataset.left_out),
        "notes": list(dataset.notes),
        "people": dict(own.pids),
        "cameras": dict(own.camids),
    }


def _counts(dataset: ReIDDataset) -> Mapping[str, Mapping[str, int]]:
    counts = {}
    for split in _SPLITS:
        samples = getattr(dataset, split)
        counts[split] = {
            "people": len({sample.pid for sample in samples}),
            "images": len(samples),
            "cameras": len({sample.camid for sample in samples} - {None}),
        }
    return counts
