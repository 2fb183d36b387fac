"""What is known of the data sets, as a table for people and as JSON for programs."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from rich.table import Table

from crosscam.cli.console import Screen, screen_for
from crosscam.cli.output import check_json_file, write_json
from crosscam.data.about import Counts
from crosscam.data.generalisation import STUDIES, Study, command_lines, find_study
from crosscam.data.registry import READERS, Reader, in_words


def show_data_sets(json_file: Path | None) -> None:
    """Print, and write, what is known of all data sets."""
    check_json_file(json_file)
    print_about(READERS, screen_for(json_file))
    write_json({"datasets": [to_json(name, reader) for name, reader in READERS.items()]}, json_file)


def show_studies(name: str | None, json_file: Path | None) -> None:
    """Print, and write, one protocol of domain generalisation, or all, with what to type."""
    check_json_file(json_file)
    studies = STUDIES if name is None else {name: find_study(name)}
    screen = screen_for(json_file)
    for known, study in studies.items():
        screen.print(f"{known} ({study.source}): {study.summary}")
        for turn in study.turns:
            screen.print()
            for line in command_lines(turn):
                screen.print(f"  {line}")
        screen.print()
    screen.print("DIR is a folder with all of the data sets below it; see crosscam data list.")
    write_json({"protocols": [_study_to_json(*item) for item in studies.items()]}, json_file)


def _study_to_json(name: str, study: Study) -> dict[str, Any]:
    turns = [
        {
            "sources": list(turn.sources),
            "targets": list(turn.targets),
            "commands": list(command_lines(turn)),
        }
        for turn in study.turns
    ]
    return {"name": name, "summary": study.summary, "source": study.source, "turns": turns}


def print_about(readers: Mapping[str, Reader], screen: Screen) -> None:
    """Print the published sizes by variant, then each set's terms and where to ask for it."""
    screen.print("Published sizes, without junk")
    screen.print()
    screen.print(_sizes(readers))
    for name, reader in readers.items():
        about = reader.about
        screen.print()
        screen.print(f"{name}: {about.summary}")
        if reader.variants:
            screen.print(f"  variants: {in_words(reader.variants)}")
        if about.withdrawn:
            screen.print(f"  withdrawn: {about.withdrawn}")
        screen.print(f"  terms: {about.terms}")
        screen.print(f"  ask: {about.ask}")
    screen.print()
    screen.print(
        "Nothing is downloaded: unpack what you were given, and name its folder with --root."
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
