"""Where a file of features goes, and the folder beside it that holds the parts of it."""

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from crosscam.errors import RunError
from crosscam.features.addresses import Folder, is_address, open_folder, split_place
from crosscam.features.feature_file import refuse_unknown_end
from crosscam.features.manifest import MANIFEST_FILE, Manifest, read_manifest
from crosscam.files import alone, quoted, unmade

_LOCK = "lock"


@dataclass(frozen=True)
class OutputPlace:
    """A file of features to be, `name` in `folder`, and its parts in `.NAME.parts` there."""

    folder: Folder
    name: str

    @classmethod
    def of(cls, out: str) -> Self:
        """The place of a path or an address.

        Raises `InputError` for a name that does not end as features do, and `RunError` where there
        is no such folder, or where something else than a file stands.
        """
        above, name = split_place(out)
        refuse_unknown_end(name)
        if not is_address(out):
            if Path(out).is_dir():
                raise RunError(f"{quoted(out)} is a folder; give the name of a file")
            if not Path(above).is_dir():
                raise RunError(f"there is no folder {quoted(above)}; make it first")
        return cls(open_folder(above), name)

    @property
    def parts(self) -> Folder:
        """The folder of the parts, which is there while there is work to go on with."""
        return self.folder.within(f".{self.name}.parts")

    @contextmanager
    def held(self) -> Iterator[None]:
        """While entered, no other process of this machine works for the same file.

        At the end the parts are removed, unless it is one by an exception with work begun. Raises
        `RunError` if another process does.
        """
        if is_address(self.parts.address):
            with self._cleaned():
                yield
            self.parts.drop()
            return
        parts = Path(self.parts.address)
        refusal = f"another process is making {quoted(self.name)}; wait for it, or stop it"
        try:
            with alone(parts / _LOCK, refusal), self._cleaned():
                for half in unmade(parts.parent / self.name):
                    half.unlink(missing_ok=True)
                yield
        finally:
            if self.parts.sizes().keys() == {_LOCK}:
                with contextlib.suppress(OSError):  # another process may be there already
                    (parts / _LOCK).unlink()
                    parts.rmdir()

    @contextmanager
    def _cleaned(self) -> Iterator[None]:
        """Remove the parts at the end, unless it is one by an exception with work begun."""
        try:
            yield
        except BaseException:
            if not self.parts.has(MANIFEST_FILE):
                self.clear()
            raise
        self.clear()

    def clear(self) -> None:
        """Empty the folder of parts.

        The manifest goes first, so that what is left after a kill is no work to go on with.
        """
        self.parts.remove(MANIFEST_FILE)
        for name in self.parts.sizes():
            if name != _LOCK:
                self.parts.remove(name)

    def begun(self, *, force: bool) -> Manifest | None:
        """The work that was begun here and is to be gone on with, None if there is none.

        With `force` there never is. Raises `RunError` if the file is there and nothing was begun.
        """
        if force:
            return None
        manifest = read_manifest(self.parts)
        if manifest is None and self.folder.has(self.name):
            raise RunError(
                f"{quoted(self.name)} is there already; choose another name, or replace it with "
                "--force"
            )
        return manifest
