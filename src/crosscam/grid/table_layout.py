"""The table in words, the same for every format that people read: figures, notes, links."""

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from crosscam.grid.table import Entry, Pair, Place, Row, Run, Table
from crosscam.training.run_folder import RunFolder

TITLE = "The published table, and what was found"
NOT_RUN = "not run"
NOTHING = "-"  # where a figure would stand
_ENDED = {"failed": "failed", "running": "not finished", "no data": "no data"}


@dataclass(frozen=True)
class Link:
    """A run by its seed, and where its report is."""

    seed: int
    href: str


@dataclass(frozen=True)
class Line:
    """What one entry says: `89.1 ± 0.3 (72.0 ± 0.2)`, or that there is nothing.

    `seeds` is how many runs the figure is of, 0 where there is none; `others` says what became of
    the rest; `notes` are numbers of the sheet's notes, from 1.
    """

    figure: str
    seeds: int
    difference: str
    others: str
    links: tuple[Link, ...]
    notes: tuple[int, ...]


@dataclass(frozen=True)
class Speed:
    """Images a second in training and in testing, as `31 / 120`."""

    figure: str
    notes: tuple[int, ...]


@dataclass(frozen=True)
class Square:
    """One recipe on one data set; `published` is empty where nothing was."""

    published: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class SheetRow:
    """One recipe; `squares` are in the order of the sheet's data sets."""

    recipe: str
    parameters: str
    speeds: tuple[Speed, ...]
    squares: tuple[Square, ...]


@dataclass(frozen=True)
class Sheet:
    """The table in words; `notes` are numbered from 1, `about` are sentences on all of it."""

    data: tuple[str, ...]
    rows: tuple[SheetRow, ...]
    notes: tuple[str, ...]
    about: tuple[str, ...]


@dataclass
class _Notes:
    texts: list[str] = field(default_factory=list)

    def number(self, text: str) -> int:
        """The number of a note, which is new or was made before."""
        if text not in self.texts:
            self.texts.append(text)
        return self.texts.index(text) + 1


def lay_out(table: Table, *, prefix: str = "") -> Sheet:
    """The table in words; `prefix` leads from where it will stand to the grid's folder."""
    notes = _Notes()
    scored = [(data, entry) for data, entry in _entries(table) if entry.mean]
    versions = sorted({entry.crosscam for _, entry in scored})
    prints: dict[str, set[str]] = {}
    for data, entry in scored:
        prints.setdefault(data, set()).add(entry.data_fingerprint)
    rows = []
    for row in table.rows:
        squares = []
        for data, place in row.places.items():
            several = len(versions) > 1, len(prints.get(data, ())) > 1
            squares.append(_square(place, prefix, notes, several=several))
        speeds = tuple(_speeds(row, notes))
        rows.append(SheetRow(row.recipe, millions(row.parameters), speeds, tuple(squares)))
    return Sheet(table.data, tuple(rows), tuple(notes.texts), tuple(_about(table, versions)))


def millions(parameters: int) -> str:
    """A number of parameters, as `23.5 M`."""
    return f"{parameters / 1e6:.1f} M"


def in_per_cent(pair: Pair, deviation: Pair | None = None) -> str:
    """Rank-1 (mAP) in per cent, as `89.1 ± 0.3 (72.0 ± 0.2)`."""
    spread = deviation.model_dump() if deviation else {}
    rank1, mean_ap = (
        f"{100 * value:.1f}" + (f" ± {100 * spread[name]:.1f}" if spread else "")
        for name, value in pair.model_dump().items()
    )
    return f"{rank1} ({mean_ap})"


def _entries(table: Table) -> Iterator[tuple[str, Entry]]:
    for row in table.rows:
        for data, place in row.places.items():
            for entry in place.entries:
                yield data, entry


def _square(place: Place, prefix: str, notes: _Notes, *, several: tuple[bool, bool]) -> Square:
    published = in_per_cent(place.published) if place.published else ""
    lines = tuple(_line(entry, prefix, notes, several=several) for entry in place.entries)
    return Square(published, lines or (Line(NOT_RUN, 0, "", "", (), ()),))


def _line(entry: Entry, prefix: str, notes: _Notes, *, several: tuple[bool, bool]) -> Line:
    ended: dict[str, int] = {}
    for run in entry.runs:
        if run.scores is None:
            ended[_ENDED[run.status]] = ended.get(_ENDED[run.status], 0) + 1
    numbers = tuple(sorted(_numbers(entry, notes, several=several)))
    if entry.mean is None:
        return Line(", ".join(ended), 0, "", "", (), numbers)
    difference = ""
    if entry.difference:
        values = entry.difference.model_dump().values()
        rank1, mean_ap = (round(100 * value, 1) + 0.0 for value in values)  # which makes -0.0 0.0
        difference = f"{rank1:+.1f} ({mean_ap:+.1f})"
    return Line(
        in_per_cent(entry.mean, entry.deviation),
        len(entry.done),
        difference,
        ", ".join(f"{count} {what}" for what, count in ended.items()),
        tuple(Link(run.seed, _href(run, prefix)) for run in entry.done),
        numbers,
    )


def _numbers(entry: Entry, notes: _Notes, *, several: tuple[bool, bool]) -> Iterator[int]:
    if entry.remarks:
        yield notes.number(_changed(entry))
    versions, fingerprints = several
    if versions and entry.mean:
        yield notes.number(f"by crosscam {entry.crosscam}")
    if fingerprints and entry.mean:
        yield notes.number(f"data of fingerprint {entry.data_fingerprint}")
    for run in entry.runs:
        if run.scores is None and run.reason:
            yield notes.number(f"seed {run.seed}, {_ENDED[run.status]}: {run.reason}")


def _changed(entry: Entry) -> str:
    return f"not as the recipe or the data set says: {'; '.join(entry.remarks)}"


def _href(run: Run, prefix: str) -> str:
    return quote(f"{prefix}{run.folder}/{RunFolder(Path(run.folder)).report.name}")


def _speeds(row: Row, notes: _Notes) -> Iterator[Speed]:
    """Means over runs of the same settings on the same device with as many threads."""
    groups: dict[tuple[int, ...], list[Run]] = {}
    for place in row.places.values():
        for entry in place.entries:
            changed = [notes.number(_changed(entry))] if entry.remarks else []
            for run in entry.runs:
                if run.device and (run.train_images_per_second or run.test_images_per_second):
                    threads = f", {run.threads} threads" if run.threads else ""
                    where = notes.number(f"speed on {run.device}{threads}")
                    groups.setdefault((*changed, where), []).append(run)
    for numbers, runs in groups.items():
        training = _mean([run.train_images_per_second for run in runs])
        testing = _mean([run.test_images_per_second for run in runs])
        yield Speed(f"{training} / {testing}", tuple(sorted(numbers)))


def _mean(speeds: Sequence[float | None]) -> str:
    known = [speed for speed in speeds if speed is not None]
    if not known:
        return NOTHING
    speed = statistics.fmean(known)
    return f"{speed:,.0f}" if speed >= 10 else f"{speed:.1f}"


def _about(table: Table, versions: Sequence[str]) -> Iterator[str]:
    yield (
        "Rank-1 (mAP) in per cent, single query, without re-ranking: the mean over n seeds, ± the "
        "standard deviation of a sample; one seed has none."
    )
    yield f"Published figures: {table.source}. Differences are found less published."
    yield "Parameters are those that features need. Images a second: training / testing."
    if len(versions) == 1:
        yield f"Made by crosscam {versions[0]}."
