"""What is known of the data sets, as a table for people and as JSON for programs."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from rich.console import Console
from rich.table import Table

from crosscam.data.about import Counts
from crosscam.data.registry import Reader, in_words


def print_about(readers: Mapping[str, Reader], console: Console) -> None:
    """Print the published sizes by variant, then each set's terms and where to ask for it."""
    console.print("Published sizes, without junk\n")
    console.print(_sizes(readers))
    for name, reader in readers.items():
        about = reader.about
        console.print(f"\n{name}: {about.summary}")
        if reader.variants:
            console.print(f"  variants: {in_words(reader.variants)}")
        if about.withdrawn:
            console.print(f"  withdrawn: {about.withdrawn}")
        console.print(f"  terms: {about.terms}")
        console.print(f"  ask: {about.ask}")
    console.print(
        "\nNothing is downloaded: unpack what you were given, and name its folder with --root."
    )


def to_json(name: str, reader: Reader) -> dict[str, Any]:
    """What is known of a data set; `sizes` are by variant, "" where there are none."""
    about = reader.about
    return {
        "name": name,
        "summary": about.summary,
        "variants": list(reader.variants),
        "sizes": {variant: asdict(counts) for variant, counts in about.counts.items()},
        "terms": about.terms,
        "ask": about.ask,
        "withdrawn": about.withdrawn or None,
        "needs_root": reader.needs_root,
        "numbers_train_and_test_apart": about.numbers_train_and_test_apart,
    }


def _sizes(readers: Mapping[str, Reader]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("data set")
    for title in ("people to train on", "images", "queries", "gallery", "cameras"):
        table.add_column(title, justify="right")
    for name, reader in readers.items():
        for variant, counts in reader.about.counts.items():
            row = (f"{getattr(counts, field.name):,}" for field in fields(Counts))
            table.add_row(f"{name}:{variant}" if variant else name, *row)
        if not reader.about.counts:
            table.add_row(name, *("-" for _ in fields(Counts)))
    return table
