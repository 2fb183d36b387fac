"""Finding an archive's folders on disk, and reading labels off file names.

Shared by the readers, so that a data set is one short file: where its folders are, and a pattern.
"""

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from crosscam.errors import DataError
from crosscam.types import ReIDDataset, Sample

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
MARKET_FOLDERS = ("bounding_box_train", "query", "bounding_box_test")
_JUNK = -1


def find_root(root: str | os.PathLike[str], *, name: str) -> Path:
    """The folder `root`, a leading ~ resolved. Raises `DataError` if there is none."""
    try:
        base = Path(root).expanduser()
    except RuntimeError as error:
        raise DataError(f"the root of {name} cannot be found: {root}: {error}") from None
    if not base.is_dir():
        state = "is a file, not a folder" if base.exists() else "does not exist"
        raise DataError(f"the root of {name} {state}: {base}")
    return base


def archive_places(
    root: str | os.PathLike[str], *, name: str, outer: Sequence[str]
) -> tuple[Path, ...]:
    """Where an archive may lie: root, root/<outer>, root/<name> and root/<name>/<outer>.

    `outer` are the names that the archive unpacks to. Raises `DataError` if there is no such root.
    """
    base = find_root(root, name=name)
    inner = ("", *outer)
    return tuple(folder / part for folder in (base, base / name) for part in inner)


def first_with(places: Sequence[Path], folders: Sequence[str]) -> Path | None:
    """The first of `places` that holds all of `folders`, if there is one."""
    return next((place for place in places if not _missing(place, folders)), None)


def absent_archive(
    places: Sequence[Path], *, name: str, shapes: Sequence[Sequence[str]], or_file: str = ""
) -> DataError:
    """The error for an archive that is at none of `places` in any of `shapes`, nor as `or_file`.

    A shape is the folders that must all be there; where some of them are, the error names the rest.
    """
    for place in places:
        for folders in shapes:
            missing = _missing(place, folders)
            if len(missing) < len(folders):
                return DataError(
                    f"{name} in {place} lacks {listed(missing)}; unpack the whole archive there"
                )
    wanted = ", or ".join(listed(folders) for folders in shapes)
    wanted += f", or the file {or_file}" if or_file else ""
    return DataError(
        f"no {name} below {places[0]}: looked for the folders {wanted} in {listed(places)}; "
        "give the folder that holds them with --root"
    )


def find_archive(
    root: str | os.PathLike[str], *, name: str, outer: Sequence[str], folders: Sequence[str]
) -> Path:
    """The folder at or below `root` that holds all of `folders`; see `archive_places` for where.

    Raises `DataError` that says what was looked for and where, and if part of it is there, which
    part is missing.
    """
    places = archive_places(root, name=name, outer=outer)
    archive = first_with(places, folders)
    if archive is None:
        raise absent_archive(places, name=name, shapes=[folders])
    return archive


def read_three_folders(
    archive: Path,
    pattern: re.Pattern[str],
    *,
    example: str,
    name: str,
    terms: str,
    notes: tuple[str, ...] = (),
) -> ReIDDataset:
    """Read `bounding_box_train`, `query` and `bounding_box_test`, the folders of Market-1501.

    `pattern` and `example` are those of `read_folder`. Junk (pid -1) is dropped and counted.
    """
    splits = []
    junk = 0
    for folder in MARKET_FOLDERS:
        samples = read_folder(archive / folder, pattern, example=example)
        kept = tuple(sample for sample in samples if sample.pid != _JUNK)
        junk += len(samples) - len(kept)
        splits.append(kept)
    train, query, gallery = splits
    return ReIDDataset(
        name=name,
        train=train,
        query=query,
        gallery=gallery,
        terms=terms,
        left_out={"junk images (pid -1)": junk} if junk else {},
        notes=notes,
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


def listed(names: Iterable[str | Path]) -> str:
    """Names in a row, for a message."""
    return ", ".join(str(name) for name in names)


def _missing(place: Path, folders: Sequence[str]) -> list[str]:
    return [folder for folder in folders if not (place / folder).is_dir()]
