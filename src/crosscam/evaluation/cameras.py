"""Under which numbers a network that tells cameras apart knows those of a data set."""

from collections.abc import Sequence

from crosscam.data.fingerprint import fingerprint
from crosscam.data.registry import READERS, people_of
from crosscam.embedding.embedder import Embedder
from crosscam.types import ReIDDataset, Sample
from crosscam.weights.saved import ModelCard

_OWN = "folder"  # own pictures, whose cameras may be those of other own pictures


def as_known(
    embedder: Embedder, dataset: ReIDDataset, samples: Sequence[Sample]
) -> Sequence[Sample]:
    """Samples of `dataset` with their cameras numbered as the embedder's network knows them.

    One that was trained on several data sets knows the cameras of each under numbers apart. Those
    of a public data set that it was not trained on it does not know, though their numbers may be
    the same: they become None. Samples for a network that does not look at cameras stay as they
    are, and so do those for one of which it is not known what it was trained on.
    """
    if not embedder.network.uses_cameras or embedder.card is None:
        return samples
    shift = _shift(embedder.card, dataset)
    if shift == 0:
        return samples
    return [
        sample._replace(
            camid=None if shift is None or sample.camid is None else sample.camid + shift
        )
        for sample in samples
    ]


def _shift(card: ModelCard, dataset: ReIDDataset) -> int | None:
    """What is added to the numbers of a data set's cameras; None where the model knows none."""
    people = people_of(dataset.name)
    if not card.data_sets:
        is_public = people in READERS and people != _OWN
        return None if is_public and people != people_of(card.trained_on.data) else 0
    for one in card.data_sets:
        if one.data == dataset.name or (people != _OWN and people_of(one.data) == people):
            return one.camid_shift
    here = fingerprint(dataset)
    shifts = {one.fingerprint: one.camid_shift for one in card.data_sets}
    return shifts.get(here)
