"""A file of features as it was read: the features, whose they are, and what it says of itself."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from crosscam.choices import Metric
from crosscam.errors import DataError
from crosscam.settings.faults import first_fault
from crosscam.types import Embeddings, Int64s

Names = Int64s | tuple[str, ...]

CARD_KEY = "crosscam"
JUNK = -1  # the pid of who does not count
_FORMAT = 1


class FeatureCard(BaseModel):
    """What a file of features says of how they were made; None is not said.

    `made_by` names weights and preprocessing, as `Embedder.made_by` does; `metric` is by which they
    are to be compared; `model`, `runtime` and `precision` are what computed them.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, protected_namespaces=())

    format: int = _FORMAT
    made_by: str | None = Field(default=None, max_length=200)
    metric: Metric | None = None
    model: str | None = Field(default=None, max_length=2000)
    runtime: str | None = Field(default=None, max_length=50)
    precision: str | None = Field(default=None, max_length=50)


@dataclass(frozen=True, eq=False)
class FeatureFile:
    """Features with their labels as a file has them; made by `read_features`.

    file: what the file is called in a message.
    features: (N, D) float32, all of them finite.
    pids, camids: (N,) int64 where the file has numbers, N names where it has words, None where it
        has none.
    paths: of the N pictures, None where the file has none.
    card: what the file says of itself.
    """

    file: str
    features: NDArray[np.float32]
    pids: Names | None
    camids: Names | None
    paths: tuple[str, ...] | None
    card: FeatureCard

    def row(self, number: int) -> str:
        """What to call a row in a message: its number from 0, and its picture if that is known."""
        return f"row {number}" + (f" ({self.paths[number]})" if self.paths else "")

    def to_embeddings(self) -> Embeddings:
        """The same as `Embeddings`. Raises `DataError` if pids are missing, or ids are words."""
        if self.pids is None:
            raise DataError(self.without_pids)
        if isinstance(self.pids, tuple) or isinstance(self.camids, tuple):
            raise DataError(
                f"{self.file} names people or cameras in words; number them, the same in all files"
            )
        return Embeddings(self.features, self.pids, self.camids, self.card.made_by)

    @property
    def without_pids(self) -> str:
        """Says that the file does not say who is in its pictures, and what to do."""
        return (
            f"{self.file} does not say who is in its pictures: scores need a pid for each row, as "
            "numbers or words, in a column pid (.parquet) or an array pids (.npz)"
        )


def parse_card(text: str | bytes | None, file: str) -> FeatureCard:
    """The card in the JSON that a file carries; one that says nothing where it carries none.

    Raises `DataError` if it is broken or of a later format.
    """
    if text is None:
        return FeatureCard()
    try:
        card = FeatureCard.model_validate_json(text)
    except ValidationError as error:
        raise DataError(
            f"{file}: what it says of itself is broken: {first_fault(error)}; make it again, or "
            f"take the entry {CARD_KEY} out"
        ) from None
    if card.format != _FORMAT:
        raise DataError(
            f"{file} is of format {card.format}, and this version reads format {_FORMAT}; update "
            "crosscam"
        )
    return card
