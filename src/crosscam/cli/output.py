"""What commands print: a table of scores for people, JSON for programs."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from crosscam.cli.console import is_stdout, screen_for
from crosscam.decisions.bootstrap import Interval, Intervals
from crosscam.errors import RunError
from crosscam.evaluation.camera_pairs import CameraPair
from crosscam.evaluation.split_means import SplitMeans
from crosscam.files import write_text
from crosscam.types import AnyScores


def print_scores(
    rows: Mapping[str, AnyScores],
    intervals: Mapping[str, Intervals | None],
    *,
    json_file: Path | None,
) -> None:
    """Print a row of figures a name, and below it their intervals where there are some.

    To standard error if the JSON goes to standard output.
    """
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("")
    for title in ("Rank-1", "Rank-5", "Rank-10", "mAP", "mINP"):
        table.add_column(title, justify="right", no_wrap=True)  # a long name is wrapped instead
    for name, scores in rows.items():
        figures = [*(scores.at_rank(k) for k in (1, 5, 10)), scores.mAP, scores.mINP]
        table.add_row(name, *(f"{100 * figure:.1f} %" for figure in figures))
        found = intervals.get(name)
        if found is not None:
            spans = (span(interval) for interval in found.by_figure.values())
            table.add_row(f"  {100 * found.level:g} % interval", *spans)
    screen_for(json_file).print(table)


def print_split_means(means: Mapping[str, SplitMeans], *, json_file: Path | None) -> None:
    """Print the means over the random splits of each data set, to where `print_scores` prints."""
    for name, found in means.items():
        figures = ", ".join(
            f"{words} {100 * found.figures[key]:.1f} %"
            for key, words in (("rank1", "Rank-1"), ("rank5", "Rank-5"), ("mAP", "mAP"))
        )
        screen_for(json_file).print(f"{name}, mean of {found.splits} splits: {figures}")


def share(figure: float, interval: Interval | None) -> str:
    """A share in per cent, and its interval where there is one."""
    return f"{100 * figure:.1f} %" + (f" ({span(interval)})" if interval else "")


def span(interval: Interval | None, *, signed: bool = False) -> str:
    """An interval of shares in per cent, or nothing."""
    if interval is None:
        return ""
    low, high = 100 * interval.low, 100 * interval.high
    return f"{low:+.1f} to {high:+.1f}" if signed else f"{low:.1f}-{high:.1f}"


def print_camera_pairs(name: str, pairs: Sequence[CameraPair], *, json_file: Path | None) -> None:
    """Print a row of figures a pair of cameras, to where `print_scores` prints."""
    table = Table(box=None, pad_edge=False, title=f"{name}, by camera", title_justify="left")
    for column in ("query", "gallery", "queries", "valid", "Rank-1", "mAP"):
        table.add_column(column, justify="right")
    for pair in pairs:
        counts = (pair.query_camid, pair.gallery_camid, pair.num_queries, pair.num_valid_queries)
        rank1, mean = share(pair.rank1, pair.rank1_interval), share(pair.mAP, pair.mAP_interval)
        table.add_row(*map(str, counts), rank1, mean)
    screen_for(json_file).print(table)


def check_json_file(json_file: Path | None, *, run: Path | None = None) -> None:
    """Refuse, before the work is done, a place that its figures could not be written to.

    `run` is the folder of a run that is about to be made, in which the file may lie.
    """
    if not is_stdout(json_file):
        check_place("--json", json_file, run=run)


def check_place(option: str, file: Path | None, *, run: Path | None = None) -> None:
    """Refuse a file that cannot be written, for want of its folder or for being one itself.

    `run` is a folder that is about to be made, in which the file may lie.
    """
    if file is None:
        return
    if file.is_dir():
        raise RunError(f"{option} {file}: that is a folder; give the name of a file")
    if not file.parent.is_dir() and file.parent != run:
        raise RunError(f"{option} {file}: there is no folder {file.parent}; make it first")


def write_json(content: Mapping[str, Any], json_file: Path | None) -> None:
    """Write JSON to a file, whole or not at all, or to standard output for "-"."""
    if json_file is None:
        return
    text = json.dumps(content, indent=2) + "\n"
    if is_stdout(json_file):
        sys.stdout.write(text)
    elif json_file.exists() and not json_file.is_file():
        json_file.write_text(text, encoding="utf-8")  # a pipe or a device, which stays what it is
    else:
        write_text(json_file, text)
