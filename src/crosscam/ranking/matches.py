"""Which gallery images a query is asked to find, and which do not count for it."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from crosscam.arrays import LabelsLike, take_integers
from crosscam.errors import InputError
from crosscam.types import Clothes, Embeddings, Int64s

JUNK = -1


@dataclass(frozen=True, eq=False)
class Labels:
    """The pids and camids of queries (Q,) and gallery (G,); camids are None on both sides or none.

    `order` is the gallery sorted by pid, and by place within a pid. `worn` says which clothes true
    matches wear, if that matters.
    """

    query_pids: Int64s
    gallery_pids: Int64s
    query_camids: Int64s | None
    gallery_camids: Int64s | None
    order: Int64s
    worn: "Worn | None" = None

    @classmethod
    def of(
        cls,
        query_pids: LabelsLike,
        gallery_pids: LabelsLike,
        query_camids: LabelsLike | None,
        gallery_camids: LabelsLike | None,
        *,
        queries: int,
        gallery: int,
    ) -> "Labels":
        """Check labels of so many queries and gallery images. Raises `InputError`."""
        if (query_camids is None) != (gallery_camids is None):
            raise InputError("give camids for the query and the gallery, or for neither")
        pids = take_integers(gallery_pids, gallery, "gallery_pids")
        known = query_camids is not None
        return cls(
            take_integers(query_pids, queries, "query_pids"),
            pids,
            take_integers(query_camids, queries, "query_camids") if known else None,
            take_integers(gallery_camids, gallery, "gallery_camids") if known else None,
            np.argsort(pids, kind="stable"),
        )

    @classmethod
    def between(
        cls, query: Embeddings, gallery: Embeddings, *, clothes: Clothes | None = None
    ) -> "Labels":
        """Those of embeddings; true matches wear the `clothes` that are named, or whatever.

        Raises `InputError` if cameras are known on one side alone, or clothes are asked for and not
        known.
        """
        labels = cls.of(
            query.pids,
            gallery.pids,
            query.camids,
            gallery.camids,
            queries=len(query.pids),
            gallery=len(gallery.pids),
        )
        return replace(labels, worn=Worn.between(query, gallery, clothes))

    def counts(self) -> Int64s:
        """How many gallery images of its person each query has, from any camera: (Q,)."""
        starts, stops = self._spans(0, len(self.query_pids))
        return stops - starts

    def matches(self, first: int, last: int) -> "Matches":
        """The matches of the queries `first` to `last`."""
        starts, stops = self._spans(first, last)
        counts = stops - starts
        offsets = np.concatenate([[0], np.cumsum(counts)])
        queries = np.repeat(np.arange(last - first), counts)
        own = self.order[np.arange(offsets[-1]) + (starts - offsets[:-1])[queries]]
        counted = self.query_pids[first:last][queries] != JUNK
        if self.query_camids is not None and self.gallery_camids is not None:
            counted &= self.gallery_camids[own] != self.query_camids[first:last][queries]
        if self.worn is not None:
            counted &= self.worn.fit(first + queries, own)
        positives = np.bincount(queries[counted], minlength=last - first)
        return Matches(
            offsets,
            own,
            counted,
            np.concatenate([[0], np.cumsum(positives)]),
            queries[counted],
            own[counted],
        )

    def _spans(self, first: int, last: int) -> tuple[Int64s, Int64s]:
        pids = self.gallery_pids[self.order]
        wanted = self.query_pids[first:last]
        return np.searchsorted(pids, wanted, "left"), np.searchsorted(pids, wanted, "right")


@dataclass(frozen=True, eq=False)
class Worn:
    """Which clothes the true matches of queries wear: the query's own ones, or `clothes` "other".

    `query`, (Q,), and `gallery`, (G,), number the clothes of each person.
    """

    query: Int64s
    gallery: Int64s
    clothes: Clothes

    @classmethod
    def between(
        cls, query: Embeddings, gallery: Embeddings, clothes: Clothes | None
    ) -> "Worn | None":
        """That of embeddings, None where it does not matter. Raises `InputError` if not known."""
        if clothes is None:
            return None
        if query.clothes is None or gallery.clothes is None:
            raise InputError(
                f"true matches are to wear {clothes} clothes, but who wears which is not known; "
                "give clothes for the query and the gallery"
            )
        return cls(query.clothes, gallery.clothes, clothes)

    def fit(self, queries: Int64s, images: Int64s) -> NDArray[np.bool_]:
        """Whether gallery images of a query's person wear what they are to: (P,) of P pairs."""
        same: NDArray[np.bool_] = self.query[queries] == self.gallery[images]
        return same if self.clothes == "same" else ~same


@dataclass(frozen=True, eq=False)
class Matches:
    """The gallery images of the persons of some queries, query after query.

    `own` are all of them, those of query i at `own_offsets[i]` to `own_offsets[i + 1]`, rising;
    `counts` says which of them count. The pairs (`queries`, `positives`) are those, in the same
    order, with `offsets`.
    """

    own_offsets: Int64s
    own: Int64s
    counts: NDArray[np.bool_]
    offsets: Int64s
    queries: Int64s
    positives: Int64s
