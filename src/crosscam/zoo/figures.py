"""The published figures: what recipes scored for their authors, as data with their source."""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

PerCent = Annotated[float, Field(ge=0, le=100)]


class PublishedFigures(BaseModel):
    """The published table.

    `scores[recipe][data set]` is (Rank-1, mAP) in per cent; what was not published is not there.
    `variants` says which variant a data set's name alone means, `sources` where a recipe's figures
    are from if `source` does not say it of all.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    variants: Mapping[str, str]
    sources: Mapping[str, str] = {}
    scores: Mapping[str, Mapping[str, tuple[PerCent, PerCent]]]

    def of(self, recipe: str, data: str) -> tuple[float, float] | None:
        """(Rank-1, mAP) in per cent of a recipe on a data set, None where none was published."""
        return self.scores.get(recipe, {}).get(self.short_name(data))

    def short_name(self, data: str) -> str:
        """A data set's name without the variant, if that is the one of the published table."""
        name, _, variant = data.partition(":")
        return name if variant == self.variants.get(name) else data

    @property
    def data(self) -> tuple[str, ...]:
        """The data sets, as the table has them from left to right."""
        return tuple(dict.fromkeys(name for row in self.scores.values() for name in row))


def published_figures() -> PublishedFigures:
    """The table of 2018, of the ten recipes."""
    return _read("published.toml")


def later_figures() -> PublishedFigures:
    """What the models that came after it were published with, in 2019."""
    return _read("later.toml")


def strong_figures() -> PublishedFigures:
    """What the strong recipes scored for their authors, from 2019 on."""
    return _read("strong.toml")


def all_figures() -> PublishedFigures:
    """The tables as one, that of 2018 first."""
    first, later, strong = published_figures(), later_figures(), strong_figures()
    return PublishedFigures(
        source=f"{first.source}; later models: {later.source}; strong recipes: {strong.source}",
        variants={**first.variants, **later.variants, **strong.variants},
        sources=strong.sources,
        scores={**first.scores, **later.scores, **strong.scores},
    )


def _read(name: str) -> PublishedFigures:
    text = (files("crosscam.zoo") / name).read_text(encoding="utf-8")
    return PublishedFigures.model_validate(tomllib.loads(text))
