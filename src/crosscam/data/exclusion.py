"""Lists of images to leave out, such as the one that `crosscam data check` writes.

One image a line: its whole path, or the end of it, folders included, as `bounding_box_train/a.jpg`,
with slashes of either kind; empty lines, and lines that begin with `#`, do not count.
"""

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from crosscam.data.copies import note_copies
from crosscam.errors import DataError
from crosscam.files import quoted, read_text_file, replacing, split_lines
from crosscam.types import ReIDDataset, Sample


def list_paths(dataset: ReIDDataset) -> set[Path]:
    """The paths of all images of a data set."""
    return {sample.path for sample in (*dataset.train, *dataset.query, *dataset.gallery)}


def without_listed(dataset: ReIDDataset, listing: Path) -> ReIDDataset:
    """`dataset` without the images that the file `listing` names, and their number noted.

    Raises `DataError` if the file cannot be read, or if a line names no image of the data set or
    more than one.
    """
    try:
        text = read_text_file(listing, undecodable="surrogateescape")
    except (OSError, UnicodeError) as error:
        raise DataError(
            f"cannot read the images to leave out from {quoted(listing)}: {error}"
        ) from None
    lines = [line.strip() for line in split_lines(text)]
    wanted = dict.fromkeys(line for line in lines if line and not line.startswith("#"))
    excluded = _find(wanted, list_paths(dataset), listing)

    def kept(samples: Iterable[Sample]) -> tuple[Sample, ...]:
        return tuple(sample for sample in samples if sample.path not in excluded)

    source = dataset.source
    left_out: Mapping[str, int] = {
        **dataset.left_out,
        f"images listed in {listing.name}": len(excluded),
    }
    remaining = replace(
        dataset,
        train=kept(dataset.train),
        query=kept(dataset.query),
        gallery=kept(dataset.gallery),
        left_out=left_out,
        source=None if source is None else replace(source, exclude=listing.absolute()),
    )
    return note_copies(remaining)


def write_listing(listing: Path, reasons: Mapping[Path, str], *, paths: Iterable[Path]) -> None:
    """Write a list of the images in `reasons`, each below a comment that says why, whole or not.

    A line is the shortest end of an image's path that no other image of `paths`, which are all of
    the data set's, ends in. Raises `DataError` for a name that a line cannot hold.
    """
    ends = _shortest_ends(reasons, set(paths))
    lines = [f"# images to leave out: {len(reasons)}"]
    for path, reason in reasons.items():
        if any(mark in ends[path] for mark in "\r\n"):
            raise DataError(f"an image's name has a line break, rename it: {ends[path]!r}")
        lines += ["", f"# {' '.join(reason.split())}", ends[path]]
    with replacing(listing) as beside:
        text = "\n".join(lines) + "\n"
        beside.write_bytes(text.encode("utf-8", errors="surrogateescape"))


def _find(wanted: Iterable[str], paths: Iterable[Path], listing: Path) -> set[Path]:
    """The image that each line means, as it is written or else with its backslashes as slashes."""
    written = {line: PurePosixPath(line).parts for line in wanted}
    slashed = {line: PurePosixPath(line.replace("\\", "/")).parts for line in wanted}
    ends: dict[tuple[str, ...], list[Path]] = {
        parts: [] for parts in (*written.values(), *slashed.values())
    }
    lengths = sorted({len(parts) for parts in ends} - {0})
    for path in paths:
        whole = Path(os.path.abspath(path)).parts  # noqa: PTH100 - links are not to be resolved
        for length in lengths:
            if whole[-length:] in ends:
                ends[whole[-length:]].append(path)
    found = set()
    for line in written:
        images = ends[written[line]] or ends[slashed[line]]
        if len(images) != 1:
            raise DataError(
                f"{quoted(listing)} names {quoted(line[:200])}, of which the data set has "
                f"{len(images)}; a line is the end of one image's path, folders included"
            )
        found.update(images)
    return found


def _shortest_ends(wanted: Iterable[Path], paths: set[Path]) -> dict[Path, str]:
    ends: dict[Path, str] = {}
    left = set(wanted)
    length = 0
    while left:
        length += 1
        counts = Counter(path.parts[-length:] for path in paths)
        for path in list(left):
            parts = path.parts[-length:]
            is_whole = len(path.parts) <= length
            if is_whole or (counts[parts] == 1 and _can_begin_a_line(parts[0])):
                ends[path] = str(PurePosixPath(*parts))
                left.discard(path)
    return ends


def _can_begin_a_line(folder: str) -> bool:
    return not folder.startswith("#") and folder == folder.lstrip()
