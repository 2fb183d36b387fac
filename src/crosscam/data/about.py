"""What is known of a data set before it is read: size, terms, and where to ask for it."""

from collections.abc import Mapping
from dataclasses import dataclass

from crosscam.types import ReIDDataset


@dataclass(frozen=True)
class Counts:
    """How much of everything there is, without junk."""

    train_pids: int
    train_images: int
    query_images: int
    gallery_images: int
    cameras: int


@dataclass(frozen=True)
class About:
    """A data set as its authors describe it.

    `counts` are the published ones by variant, "" where there are no variants or those are random
    splits, named by numbers, which are all of one size. `ask` says where to
    ask for the data; `withdrawn` is empty, or says when and why its authors took it back. Where
    `numbers_train_and_test_apart`, an equal pid in train and in test is another person.
    `people_of` names the data set whose people these are, where a set was split anew.
    """

    summary: str
    terms: str
    ask: str
    counts: Mapping[str, Counts]
    withdrawn: str = ""
    numbers_train_and_test_apart: bool = False
    people_of: str = ""

    def published(self, variant: str) -> Counts | None:
        """The published counts of a variant, None where there are none."""
        return self.counts.get("" if variant.isdecimal() else variant)


def count(dataset: ReIDDataset) -> Counts:
    """How much of everything a data set holds."""
    samples = (*dataset.train, *dataset.query, *dataset.gallery)
    return Counts(
        train_pids=dataset.num_train_pids,
        train_images=len(dataset.train),
        query_images=len(dataset.query),
        gallery_images=len(dataset.gallery),
        cameras=len({sample.camid for sample in samples if sample.camid is not None}),
    )


def count_differences(found: Counts, published: Counts) -> tuple[str, ...]:
    """Where counts are not the published ones, in words."""
    what = {
        "train_pids": "people to train on",
        "train_images": "images to train on",
        "query_images": "queries",
        "gallery_images": "gallery images",
        "cameras": "cameras",
    }
    return tuple(
        f"{getattr(found, key):,} {words}, published are {getattr(published, key):,}"
        for key, words in what.items()
        if getattr(found, key) != getattr(published, key)
    )
