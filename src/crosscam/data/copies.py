"""Queries that are copies of gallery images, and find themselves if no camera rules them out."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from crosscam.files import sha256_of
from crosscam.types import Protocol, ReIDDataset, Sample

_ADVICE = "so each finds itself and the figures are too good; crosscam data check lists them"


def note_copies(dataset: ReIDDataset, *, protocol: Protocol | None = None) -> ReIDDataset:
    """`dataset` with a note of how many queries are copies of gallery images, if any count.

    None count where cameras are known and rule them out, as all protocols but "no-cameras" do;
    `protocol` is by which it is tested, its own if None. A note of before is replaced.
    """
    notes = tuple(note for note in dataset.notes if not note.endswith(_ADVICE))
    ruled_out = dataset.has_cameras and (protocol or dataset.protocol) != "no-cameras"
    copies = 0 if ruled_out else count_copies(dataset)
    if copies:
        note = (
            f"{copies:,} of {len(dataset.query):,} queries are copies of gallery images, byte for "
            f"byte, {_ADVICE}"
        )
        notes = (*notes, note)
    return dataset if notes == dataset.notes else replace(dataset, notes=notes)


def count_copies(dataset: ReIDDataset) -> int:
    """How many queries have the very bytes of a gallery image of their person.

    Only images of equal size and person are read. Files that cannot be read are no copies.
    """
    gallery = _by_person_and_size(dataset.gallery)
    queries = _by_person_and_size(dataset.query)
    return sum(_count(queries[key], gallery[key]) for key in queries.keys() & gallery.keys())


def _by_person_and_size(samples: Iterable[Sample]) -> dict[tuple[int, int], list[Path]]:
    sizes: dict[tuple[int, int], list[Path]] = defaultdict(list)
    for sample in samples:
        try:
            sizes[sample.pid, sample.path.stat().st_size].append(sample.path)
        except OSError:
            continue
    return sizes


def _count(queries: Iterable[Path], gallery: Iterable[Path]) -> int:
    there = {_digest(path) for path in gallery} - {None}
    return sum(_digest(path) in there for path in queries)


def _digest(path: Path) -> str | None:
    try:
        return sha256_of(path)
    except OSError:
        return None
