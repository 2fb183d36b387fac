"""A short name for exactly these samples, to tell whether two runs saw the same data."""

import hashlib
from collections.abc import Sequence

from crosscam.errors import DataError
from crosscam.files import quoted
from crosscam.types import ReIDDataset

ALL = ("train", "query", "gallery")
TRAIN = ("train",)
TEST = ("query", "gallery")


def combined(fingerprints: Sequence[str]) -> str:
    """The fingerprint of several data sets, of theirs; that of a single one is its own."""
    if len(fingerprints) == 1:
        return fingerprints[0]
    return hashlib.sha256("\n".join(fingerprints).encode()).hexdigest()[:16]


def fingerprint(dataset: ReIDDataset, *, splits: Sequence[str] = ALL) -> str:
    """16 hex digits of SHA-256 over every sample's split, file name, size in bytes and labels.

    Pixels are not read: a file replaced by another of equal name and size is not noticed. Folders
    do not count, so the same archive unpacked elsewhere has the same fingerprint.
    """
    digest = hashlib.sha256()
    for split in splits:
        for path, pid, camid, clothes in getattr(dataset, split):
            try:
                size = path.stat().st_size
            except OSError as error:
                raise DataError(f"cannot read image {quoted(path)}: {error.strerror}") from None
            worn = "" if clothes is None else f"/{clothes}"
            line = f"{split}/{path.name}/{size}/{pid}/{camid}{worn}\n"
            digest.update(line.encode(errors="surrogateescape"))
    return digest.hexdigest()[:16]
