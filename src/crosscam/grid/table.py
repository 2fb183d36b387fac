"""The published table again: recipes x data sets, from the results of a grid, as one value.

All scores are fractions. Results are averaged over seeds alone: never over versions of crosscam,
over files of other fingerprints, or over changes of a recipe.
"""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Self

from pydantic import BaseModel, ConfigDict

from crosscam.grid.cells import Status
from crosscam.grid.results import Result
from crosscam.models.base import count_parameters
from crosscam.models.registry import outline_model
from crosscam.recipe import list_recipes, load_recipe
from crosscam.settings.head import Head
from crosscam.zoo.figures import PublishedFigures

MARKET_PEOPLE = 751  # SqueezeNet's parameters depend on how many people it was trained on
MARKET_CAMERAS = 6  # and those of some transformers on how many cameras


class _Value(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Pair(_Value):
    """Rank-1 and mAP, or their differences, as fractions."""

    rank1: float
    mAP: float  # noqa: N815 - the field's own spelling


class Run(_Value):
    """A run of an entry: its folder's name, and what became of it. Speeds are images a second."""

    folder: str
    seed: int
    status: Status
    reason: str | None
    scores: Pair | None
    train_images_per_second: float | None
    test_images_per_second: float | None
    device: str | None
    threads: int | None


class Entry(_Value):
    """Runs that differ in nothing but the seed.

    `mean` is over those that are done, None where none is; `deviation` is the standard deviation
    of a sample (n - 1), None for fewer than two. `remarks` say in what recipe or data are not those
    published; `difference` is the mean less the published figures, None where there are remarks.
    """

    crosscam: str
    data_fingerprint: str
    remarks: tuple[str, ...]
    runs: tuple[Run, ...]
    mean: Pair | None
    deviation: Pair | None
    difference: Pair | None

    @property
    def done(self) -> tuple[Run, ...]:
        """The runs that the mean is of."""
        return tuple(run for run in self.runs if run.scores is not None)


class Place(_Value):
    """One recipe on one data set: what was published, and what was found. No entries: not run."""

    published: Pair | None
    entries: tuple[Entry, ...]


class Row(_Value):
    """A recipe; `parameters` are those that features need. `places` are by data set."""

    recipe: str
    model: str
    parameters: int
    places: Mapping[str, Place]


class Table(_Value):
    """The whole table; `source` is where the published figures are from."""

    source: str
    data: tuple[str, ...]
    rows: tuple[Row, ...]

    @classmethod
    def of(cls, results: Iterable[Result], figures: PublishedFigures) -> Self:
        """The table of a grid's results beside the published figures.

        Recipes are those published, then the others that come with crosscam, then own ones of the
        results; data sets are those published, then others of the results.
        """
        groups: dict[tuple[str, str], list[Result]] = {}
        for result in results:
            where = result.record.recipe, figures.short_name(result.record.data)
            groups.setdefault(where, []).append(result)
        data = tuple(dict.fromkeys((*figures.data, *sorted(name for _, name in groups))))
        models = {recipe: (found[0].model, found[0].head) for (recipe, _), found in groups.items()}
        own = {recipe: load_recipe(recipe) for recipe in list_recipes()}
        models |= {name: (recipe.model, recipe.head) for name, recipe in own.items()}
        published = [recipe for recipe in figures.scores if recipe in models]
        rows = []
        for recipe in dict.fromkeys((*published, *list_recipes(), *sorted(models))):
            places = {
                name: _place(groups.get((recipe, name), []), figures.of(recipe, name))
                for name in data
            }
            rows.append(
                Row(
                    recipe=recipe,
                    model=models[recipe][0],
                    parameters=parameters_of(*models[recipe]),
                    places=places,
                )
            )
        return cls(source=figures.source, data=data, rows=tuple(rows))


@cache
def parameters_of(model: str, head: Head | None) -> int:
    """The parameters of an architecture that features need, trained on Market-1501."""
    outline = outline_model(model, num_classes=MARKET_PEOPLE, num_cameras=MARKET_CAMERAS, head=head)
    return count_parameters(outline)


def _place(results: Sequence[Result], published: tuple[float, float] | None) -> Place:
    pair = None
    if published:
        rank1, mean_ap = (round(per_cent / 100, 6) for per_cent in published)
        pair = Pair(rank1=rank1, mAP=mean_ap)
    groups: dict[tuple[str, ...], list[Result]] = {}
    for result in results:
        record = result.record
        alike = (record.data, record.recipe_hash, record.crosscam, record.data_fingerprint)
        groups.setdefault(alike, []).append(result)
    entries = [_entry(sorted(group, key=_seed), pair) for group in groups.values()]
    entries.sort(key=lambda entry: (bool(entry.remarks), entry.crosscam))
    return Place(published=pair, entries=tuple(entries))


def _seed(result: Result) -> int:
    return result.record.seed


def _entry(results: Sequence[Result], published: Pair | None) -> Entry:
    runs = tuple(_run(result) for result in results)
    scores = [run.scores for run in runs if run.scores is not None]
    mean = _each(statistics.fmean, scores) if scores else None
    remarks = tuple(dict.fromkeys(remark for result in results for remark in result.remarks))
    difference = None
    if mean and published and not remarks:
        difference = Pair(rank1=mean.rank1 - published.rank1, mAP=mean.mAP - published.mAP)
    return Entry(
        crosscam=results[0].record.crosscam,
        data_fingerprint=results[0].record.data_fingerprint,
        remarks=remarks,
        runs=runs,
        mean=mean,
        deviation=_each(statistics.stdev, scores) if len(scores) > 1 else None,
        difference=difference,
    )


def _each(measure: Callable[[list[float]], float], scores: Sequence[Pair]) -> Pair:
    return Pair(
        rank1=measure([pair.rank1 for pair in scores]), mAP=measure([pair.mAP for pair in scores])
    )


def _run(result: Result) -> Run:
    record = result.record
    scores = None
    if result.rank1 is not None and result.mAP is not None:
        scores = Pair(rank1=result.rank1, mAP=result.mAP)
    return Run(
        folder=result.run.name,
        seed=record.seed,
        status=record.status,
        reason=record.reason,
        scores=scores,
        train_images_per_second=record.train_images_per_second,
        test_images_per_second=record.test_images_per_second,
        device=record.device,
        threads=record.threads,
    )
