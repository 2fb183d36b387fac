"""Finding an archive's folders on disk, and reading labels off file names.

Shared by the readers, so that a data set is one short file: where its folders are, and a pattern.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from crosscam.errors import DataError
from crosscam.types import Sample

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")


def find_archive(
    root: str | os.PathLike[str], *, name: str, outer: Sequence[str], folders: Sequence[str]
) -> Path:
    """The folder at or below `root` that holds all of `folders`.

    Looked at, in this order: root itself, root/<outer>, root/<name> and root/<name>/<outer>, where
    `outer` are the names that the archive unpacks to. Raises `DataError` that says what was looked
    for and where, and if part of it is there, which part is missing.
    """
    try:
        base = Path(root).expanduser()
    except RuntimeError as error:
        raise DataError(f"the root of {name} cannot be found: {root}: {error}") from None
    if not base.is_dir():
        state = "is a file, not a folder" if base.exists() else "does not exist"
        raise DataError(f"the root of {name} {state}: {base}")
    candidates = [base / inner for inner in ("", *outer)]
    candidates += [base / name / inner for inner in ("", *outer)]
    for candidate in candidates:
        if all((candidate / folder).is_dir() for folder in folders):
            return candidate
    for candidate in candidates:
        missing = [folder for folder in folders if not (candidate / folder).is_dir()]
        if len(missing) < len(folders):
            raise DataError(
                f"{name} in {candidate} lacks {_listed(missing)}; unpack the whole archive there"
            )
    raise DataError(
        f"no {name} below {base}: looked for the folders {_listed(folders)} in "
        f"{_listed(candidates)}; give the folder that holds them with --root"
    )


def read_folder(folder: Path, pattern: re.Pattern[str], *, example: str) -> list[Sample]:
    """The pictures that lie flat in `folder`, sorted by name, labelled by the groups of `pattern`.

    `pattern` has the groups `pid` and `camid`. Files that are no pictures, and hidden files, are
    ignored. Raises `DataError` if there are no pictures, or if a picture's name does not match.
    """
    samples = []
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith(".") or entry.suffix.lower() not in IMAGE_SUFFIXES:
            continue
        labels = pattern.fullmatch(entry.name)
        if labels is None:
            raise DataError(
                f"misnamed image {entry}: names here look like {example}; rename or remove it"
            )
        samples.append(Sample(entry, int(labels["pid"]), int(labels["camid"])))
    if not samples:
        raise DataError(
            f"no images in {folder}: looked for names like {example}; unpack the archive again"
        )
    return samples


def _listed(names: Sequence[str | Path]) -> str:
    return ", ".join(str(name) for name in names)
