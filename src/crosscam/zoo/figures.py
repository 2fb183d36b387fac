"""The published figures: what the recipes of 2018 scored, as data with their source."""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

PerCent = Annotated[float, Field(ge=0, le=100)]


class PublishedFigures(BaseModel):
    """The published table.

    `scores[recipe][data set]` is (Rank-1, mAP) in per cent; what was not published is not there.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    scores: Mapping[str, Mapping[str, tuple[PerCent, PerCent]]]

    def of(self, recipe: str, data: str) -> tuple[float, float] | None:
        """(Rank-1, mAP) in per cent of a recipe on a data set, None where none was published."""
        return self.scores.get(recipe, {}).get(data)


def published_figures() -> PublishedFigures:
    """The table that ships with crosscam."""
    text = (files("crosscam.zoo") / "published.toml").read_text(encoding="utf-8")
    return PublishedFigures.model_validate(tomllib.loads(text))
