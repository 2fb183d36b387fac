"""The table as CSV: a line an entry, scores as fractions."""

import csv
import io
from collections.abc import Iterable, Iterator

from crosscam.grid.table import Entry, Pair, Place, Row, Table

COLUMNS = (
    *("recipe", "model", "parameters", "data", "published_rank1", "published_mAP"),
    *("status", "n", "rank1", "mAP", "rank1_deviation", "mAP_deviation"),
    *("rank1_difference", "mAP_difference", "remarks", "crosscam", "data_fingerprint"),
    *("seeds", "runs", "reasons", "train_images_per_second", "test_images_per_second"),
    *("devices", "threads"),
)


def to_csv(table: Table) -> str:
    """A head of `COLUMNS`, then a line for each entry, or one for a place without any.

    The columns from `seeds` on hold something of each run, in one order, separated by `; `.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in table.rows:
        for data, place in row.places.items():
            writer.writerows(_lines(row, data, place))
    return out.getvalue()


def _lines(row: Row, data: str, place: Place) -> Iterator[list[object]]:
    head = [row.recipe, row.model, row.parameters, data, *_pair(place.published)]
    for entry in place.entries:
        yield [*head, *_entry(entry)]
    if not place.entries:
        yield [*head, "not run", 0, *("" for _ in COLUMNS[8:])]


def _entry(entry: Entry) -> list[object]:
    return [
        "; ".join(dict.fromkeys(run.status for run in entry.runs)),
        len(entry.done),
        *_pair(entry.mean),
        *_pair(entry.deviation),
        *_pair(entry.difference),
        "; ".join(entry.remarks),
        entry.crosscam,
        entry.data_fingerprint,
        _each(run.seed for run in entry.runs),
        _each(run.folder for run in entry.runs),
        _each(run.reason for run in entry.runs),
        _each(run.train_images_per_second for run in entry.runs),
        _each(run.test_images_per_second for run in entry.runs),
        _each(run.device for run in entry.runs),
        _each(run.threads for run in entry.runs),
    ]


def _each(values: Iterable[object]) -> str:
    """What is said of each run; nothing if nothing is known of any."""
    known = ["" if value is None else str(value) for value in values]
    return "; ".join(known) if any(known) else ""


def _pair(pair: Pair | None) -> tuple[object, object]:
    return (pair.rank1, pair.mAP) if pair else ("", "")
