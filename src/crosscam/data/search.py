"""Finding an archive in the folder that a user names, or a few levels below it."""

import os
import stat
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from crosscam.errors import DataError
from crosscam.files import quoted

DEPTH = 3
_MOST_FOLDERS = 5_000


@dataclass(frozen=True)
class Places:
    """Where the archive of data set `name` may lie: `folders`, the root first, nearer ones before.

    `unread` are folders that could not be listed; `is_cut` says that there were more folders than
    are looked at.
    """

    name: str
    folders: tuple[Path, ...]
    unread: tuple[Path, ...]
    is_cut: bool

    @property
    def root(self) -> Path:
        """The folder that was named."""
        return self.folders[0]

    def holding(
        self, folders: Sequence[str], *, fits: Callable[[Path], bool] | None = None
    ) -> list[Path]:
        """The outermost places that hold all of `folders`; those that `fits`, if any of them do."""
        found = _outermost(place for place in self.folders if not missing_of(place, folders))
        fitting = [place for place in found if fits is not None and fits(place)]
        return fitting or found

    def files(self, name: str) -> list[Path]:
        """The outermost files of that name."""
        places = (place for place in self.folders if is_file(place / name))
        return [place / name for place in _outermost(places)]

    def the_one(self, found: Sequence[Path]) -> Path | None:
        """The only one of what was found, None if it is nothing. Raises `DataError` for several."""
        if len(found) > 1:
            raise DataError(
                f"{self.name} is more than once below {quoted(self.root)}, in {listed(found)}; "
                "give one of them with --root"
            )
        return found[0] if found else None

    def absent(self, shapes: Sequence[Sequence[str]], *, or_file: str = "") -> DataError:
        """The error for an archive that is in none of `shapes`, nor the file `or_file`.

        A shape is the folders that must all be there; where some are, the error names the rest.
        """
        for place in self.folders:
            for folders in shapes:
                missing = missing_of(place, folders)
                if len(missing) < len(folders):
                    return DataError(
                        f"{self.name} in {quoted(place)} lacks {listed(missing)}; unpack the whole "
                        "archive there"
                    )
        wanted = ", or ".join(listed(folders) for folders in shapes)
        wanted += f", or the file {or_file}" if or_file else ""
        limits = f"; could not look into {listed(self.unread[:3])}" if self.unread else ""
        limits += f"; gave up after {_MOST_FOLDERS:,} folders" if self.is_cut else ""
        return DataError(
            f"no {self.name} below {quoted(self.root)}: looked for the folders {wanted} in it and "
            f"{DEPTH} levels below{limits}; give the folder that holds them with --root"
        )


def find_root(root: str | os.PathLike[str], *, name: str) -> Path:
    """The folder `root`, a leading ~ resolved. Raises `DataError` if there is none."""
    try:
        base = Path(root).expanduser()
    except RuntimeError as error:
        raise DataError(
            f"the root of {name} cannot be found: {quoted(root)}: {error}; give a path without ~"
        ) from None
    try:
        mode = base.stat().st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise DataError(f"the root of {name} does not exist: {quoted(base)}") from None
    except OSError as error:
        raise unreadable(base, error) from None
    if not stat.S_ISDIR(mode):
        raise DataError(f"the root of {name} is a file, not a folder: {quoted(base)}")
    return base


def find_places(
    root: str | os.PathLike[str], *, name: str, shapes: Sequence[Sequence[str]] = ()
) -> Places:
    """The root and all folders up to three levels below it, where an archive may lie.

    Hidden folders, and those below a place that holds a whole one of `shapes`, are passed over;
    files are not looked at, and of no more than 5,000 folders what is in them. Raises `DataError`
    if there is no such root, or if it cannot be read.
    """
    base = find_root(root, name=name)
    pending = deque([(base, 0)])
    found: list[Path] = []
    unread: list[Path] = []
    seen: set[tuple[int, int]] = set()
    while pending and len(found) < _MOST_FOLDERS:
        place, depth = pending.popleft()
        try:
            status = place.stat()
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            found.append(place)
            is_whole = any(not missing_of(place, folders) for folders in shapes)
            if depth < DEPTH and not is_whole:
                pending += [(folder, depth + 1) for folder in _folders_in(place)]
        except OSError as error:
            if place == base:
                raise unreadable(base, error) from None
            unread.append(place)
    return Places(name, tuple(found), tuple(unread), is_cut=bool(pending))


def missing_of(place: Path, folders: Sequence[str]) -> list[str]:
    """Which of the `folders` are not in `place`."""
    return [folder for folder in folders if not os.path.isdir(place / folder)]  # noqa: PTH112


def is_file(path: Path) -> bool:
    """Whether a plain file is there, and may be seen."""
    return os.path.isfile(path)  # noqa: PTH113 - which, unlike Path's, never raises


def unreadable(folder: Path, error: OSError) -> DataError:
    """The error for a folder that cannot be read."""
    return DataError(f"cannot read the folder {quoted(folder)}: {error.strerror}")


def listed(names: Iterable[str | Path]) -> str:
    """Names in a row, for a message."""
    return ", ".join(quoted(name) for name in names)


def _folders_in(place: Path) -> list[Path]:
    with os.scandir(place) as entries:
        names = sorted(entry.name for entry in entries if _is_shown_folder(entry))
    return [place / name for name in names]


def _is_shown_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return not entry.name.startswith(".") and entry.is_dir()
    except OSError:  # a link that leads in a circle
        return False


def _outermost(places: Iterable[Path]) -> list[Path]:
    """Those of the places, the nearer ones first, that lie below no other."""
    outer: list[Path] = []
    for place in places:
        if not any(above in place.parents for above in outer):
            outer.append(place)
    return outer
