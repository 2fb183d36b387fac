"""Two files of features, taken as the query and the gallery of one test."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from crosscam.data.labels import describe_merged, describe_numbers, number_names, tidy
from crosscam.embedding.feature_file import JUNK, FeatureFile, Names
from crosscam.errors import DataError, InputError
from crosscam.types import Embeddings, Int64s, Metric, Protocol, ReIDDataset, Sample

_QUERY = Path("query")
_JUNK = "junk (no pid, or -1)"


@dataclass(frozen=True, eq=False)
class FeatureTest:
    """What two files of features test: `dataset` has a sample a row of them, without junk.

    A sample's path is the row's picture as the file names it, else its number; those of queries
    stand below "query", unless the very picture is in the gallery, too.
    """

    dataset: ReIDDataset
    query: Embeddings
    gallery: Embeddings
    metric: Metric


def pair_features(
    query: FeatureFile,
    gallery: FeatureFile,
    *,
    metric: Metric | None = None,
    protocol: Protocol | None = None,
) -> FeatureTest:
    """The test of a query file on a gallery file; `protocol` is by which it will be done.

    Words that name people and cameras are numbered, the same in both. Junk, of pid -1, is left out.
    `metric` is that of the files if it is None.

    Raises `DataError` if the files do not say whom they show, if only one knows cameras (but for
    the protocol "no-cameras", which needs none), and if they are of different weights or lengths of
    features; `InputError` if nothing says the metric. Whatever else differs is noted in the data
    set, as is what was numbered.
    """
    notes = _how_made(query, gallery)
    chosen = _metric(query, gallery, metric)
    notes += [
        f"compared by {chosen}, but {file.file} says {file.card.metric}"
        for file in (query, gallery)
        if file.card.metric not in (None, chosen)
    ]
    pids = _numbered_people(query, gallery, notes)
    camids = _numbered_cameras(query, gallery, protocol, notes)
    asked = _without_junk(query, pids[0], camids and camids[0])
    found = _without_junk(gallery, pids[1], camids and camids[1])
    junk = sum(map(len, pids)) - len(asked.rows) - len(found.rows)
    pictures = _pictures(asked, found)
    dataset = ReIDDataset(
        f"{query.file} in {gallery.file}",
        (),
        _samples(pictures[0], asked.embeddings),
        _samples(pictures[1], found.embeddings),
        left_out={_JUNK: junk} if junk else {},
        notes=tuple(notes),
        protocol="cross-camera" if camids is not None else "no-cameras",
    )
    return FeatureTest(dataset, asked.embeddings, found.embeddings, chosen)


def count_equal(query: Embeddings, gallery: Embeddings) -> int:
    """How many queries have the very feature of a gallery row of their person."""
    there = set(_marks(gallery))
    return sum(mark in there for mark in _marks(query))


def feature_hash(sides: Iterable[Embeddings]) -> str:
    """SHA-256 of features, which tells tests of the same from tests of others."""
    digest = hashlib.sha256()
    for side in sides:
        digest.update(side.features.data)
    return digest.hexdigest()


def fingerprint_rows(dataset: ReIDDataset) -> str:
    """16 hex digits of SHA-256 over the names and labels of all rows."""
    digest = hashlib.sha256()
    for split, samples in (("query", dataset.query), ("gallery", dataset.gallery)):
        for path, pid, camid, _ in samples:
            line = f"{split}/{path.name}/{pid}/{camid}\n"
            digest.update(line.encode(errors="surrogateescape"))
    return digest.hexdigest()[:16]


def _how_made(query: FeatureFile, gallery: FeatureFile) -> list[str]:
    """Notes of what differs in how the features were made. Raises `DataError` for other weights."""
    dims = query.features.shape[1], gallery.features.shape[1]
    if dims[0] != dims[1]:
        raise DataError(
            f"features of {query.file} have {dims[0]} numbers, those of {gallery.file} {dims[1]}: "
            "they are of different models; embed both with one"
        )
    one, other = query.card.made_by, gallery.card.made_by
    if one and other and one.partition("-")[0] != other.partition("-")[0]:
        raise DataError(
            f"{query.file} is of other weights ({one}) than {gallery.file} ({other}), so their "
            "distances mean nothing; embed both with one model"
        )
    notes = [
        f"{query.file} was made otherwise than {gallery.file}: {what} is {first} and {second}"
        for what, first, second in (
            ("made_by", one, other),
            ("precision", query.card.precision, gallery.card.precision),
        )
        if first != second and first and second
    ]
    if (one is None) != (other is None):
        silent = query.file if one is None else gallery.file
        notes.append(f"{silent} does not say which weights its features are of")
    return notes


def _metric(query: FeatureFile, gallery: FeatureFile, asked: Metric | None) -> Metric:
    if asked is not None:
        return asked
    said = [metric for metric in (query.card.metric, gallery.card.metric) if metric is not None]
    if not said:
        raise InputError(
            f"neither {query.file} nor {gallery.file} says by which metric features are compared; "
            "say --metric euclidean or --metric cosine"
        )
    if len(set(said)) == 2:
        raise InputError(
            f"{query.file} is to be compared by {said[0]}, {gallery.file} by {said[1]}; say which "
            "with --metric"
        )
    return said[0]


def _numbered_people(
    query: FeatureFile, gallery: FeatureFile, notes: list[str]
) -> tuple[Int64s, Int64s]:
    if query.pids is None or gallery.pids is None:
        raise DataError((query if query.pids is None else gallery).without_pids)
    return _as_numbers(query.pids, gallery.pids, "pid", notes)


def _numbered_cameras(
    query: FeatureFile, gallery: FeatureFile, protocol: Protocol | None, notes: list[str]
) -> tuple[Int64s, Int64s] | None:
    if query.camids is not None and gallery.camids is not None:
        return _as_numbers(query.camids, gallery.camids, "camid", notes)
    known = [file.file for file in (query, gallery) if file.camids is not None]
    if known and protocol != "no-cameras":
        raise DataError(
            f"{known[0]} alone has camids, so it is not known which images are of one camera; give "
            "camids to both files, or test with --protocol no-cameras"
        )
    return None


def _as_numbers(one: Names, other: Names, column: str, notes: list[str]) -> tuple[Int64s, Int64s]:
    """Ids of both sides as numbers, the same for the same names."""
    if not isinstance(one, tuple) and not isinstance(other, tuple):
        return one, other
    sides = [
        [tidy(name) for name in names] if isinstance(names, tuple) else list(map(str, names))
        for names in (one, other)
    ]
    numbers = number_names(name for side in sides for name in side)
    notes += describe_merged(f"{column}s", numbers)
    notes += describe_numbers(f"{column}s", numbers)
    first, second = (np.array([numbers[name] for name in side], dtype=np.int64) for side in sides)
    return first, second


class _Side(NamedTuple):
    """What counts of a file: its rows' numbers, their pictures if known, and their embeddings."""

    rows: Int64s
    paths: list[str] | None
    embeddings: Embeddings


def _without_junk(file: FeatureFile, pids: Int64s, camids: Int64s | None) -> _Side:
    rows = np.flatnonzero(pids != JUNK)
    if not len(rows):
        raise DataError(
            f"all rows of {file.file} are junk (no pid, or -1), so nothing can be ranked"
        )
    features = file.features if len(rows) == len(pids) else file.features[rows]
    paths = None if file.paths is None else [file.paths[row] for row in rows.tolist()]
    cameras = None if camids is None else camids[rows]
    return _Side(rows, paths, Embeddings(features, pids[rows], cameras, file.card.made_by))


def _pictures(query: _Side, gallery: _Side) -> tuple[list[Path], list[Path]]:
    """The pictures of both sides; see `FeatureTest`."""
    asked, there = (
        side.paths or [f"row {row}" for row in side.rows.tolist()] for side in (query, gallery)
    )
    places = {path: place for place, path in enumerate(there)} if query.paths else {}
    pictures = []
    for row, path in enumerate(asked):
        place = places.get(path)
        is_same = place is not None and np.array_equal(
            query.embeddings.features[row], gallery.embeddings.features[place]
        )
        pictures.append(Path(path) if is_same else _QUERY / path.lstrip("/"))
    return pictures, list(map(Path, there))


def _samples(pictures: Sequence[Path], embeddings: Embeddings) -> tuple[Sample, ...]:
    pids = embeddings.pids.tolist()
    camids: Sequence[int | None] = (
        [None] * len(pids) if embeddings.camids is None else embeddings.camids.tolist()
    )
    return tuple(map(Sample, pictures, pids, camids))


def _marks(embeddings: Embeddings) -> Iterable[tuple[int, bytes]]:
    for pid, feature in zip(embeddings.pids.tolist(), embeddings.features, strict=True):
        yield pid, hashlib.blake2b(feature.data, digest_size=16).digest()
