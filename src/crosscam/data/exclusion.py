"""Lists of images to leave out, such as the one that `crosscam data check` writes.

One image a line: the end of its path, folders included, as `bounding_box_train/a.jpg`, with forward
slashes; empty lines, and lines that begin with `#`, do not count.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from crosscam.errors import DataError
from crosscam.files import replacing
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
        text = listing.read_bytes().decode("utf-8-sig", errors="surrogateescape")
    except OSError as error:
        raise DataError(f"cannot read the images to leave out from {listing}: {error}") from None
    lines = [line.strip() for line in text.split("\n")]
    wanted = dict.fromkeys(line for line in lines if line and not line.startswith("#"))
    excluded = _find(wanted, list_paths(dataset), listing)

    def kept(samples: Iterable[Sample]) -> tuple[Sample, ...]:
        return tuple(sample for sample in samples if sample.path not in excluded)

    source = dataset.source
    left_out: Mapping[str, int] = {
        **dataset.left_out,
        f"images listed in {listing.name}": len(excluded),
    }
    return replace(
        dataset,
        train=kept(dataset.train),
        query=kept(dataset.query),
        gallery=kept(dataset.gallery),
        left_out=left_out,
        source=None if source is None else replace(source, exclude=listing.absolute()),
    )


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
    lines = {PurePosixPath(line).parts: line for line in wanted}
    fitting: dict[tuple[str, ...], list[Path]] = defaultdict(list)
    lengths = sorted({len(parts) for parts in lines} - {0})
    for path in paths:
        for length in lengths:
            if path.parts[-length:] in lines:
                fitting[path.parts[-length:]].append(path)
    for parts, line in lines.items():
        count = len(fitting[parts])
        if count != 1:
            raise DataError(
                f"{listing} names {line[:200]}, of which the data set has {count}; a line is the "
                "end of one image's path, folders included"
            )
    return {found for [found] in fitting.values()}


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
