"""Fetching a file over connections that break off, from servers that may be wrong.

What arrives is written to a part file beside its place, which gets the file's name when it is whole
and checked. A note beside it says of which file at which address the part is; who holds the lock on
the note is the only one who writes. Both outlive a kill, so that the next call goes on from there.

Why it is no other's: `torch.hub.download_url_to_file` does the plain case. It begins anew after
every break, takes what came before a break for the file where it has no hash, waits for ever on a
server that is silent, takes whatever length comes, and knows nothing of another process that
fetches the same. `huggingface_hub`, which does most of it, fetches from the Hub alone (`hub.py`),
and clients of HTTP such as httpx, which would have to be installed for it, leave just these things
to their user. So the standard library asks, in `connection.py`, and what is done here is: going on
only with the same file, one process at a time, and an end to whatever a server can do.
"""

import json
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from crosscam.errors import DownloadError, InputError
from crosscam.files import reach_disk, sha256_of
from crosscam.weights.connection import Answer, BrokenOffError, RefusedError, Source

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

OnBytes = Callable[[int, int | None], None]

LARGEST = 1 << 33  # bytes; no weights that are read have nearly as many
_CHUNK = 1 << 16
_HEAD = 512
_POLL_SECONDS = 0.1
_PAGE_STARTS = (b"<!doctype", b"<html", b"<?xml")
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


def fetch(
    url: str,
    file: Path,
    *,
    sha256: str | None,
    what: str,
    on_bytes: OnBytes | None = None,
    waits: Sequence[float] = (1.0, 3.0, 9.0),
    timeout: float = 30.0,
    patience: float = 60.0,
    largest: int = LARGEST,
) -> None:
    """Fetch `url`, of http, https or file, into `file`; one that is there already is only checked.

    `sha256` is the file's digest in hexadecimal, or 8 digits or more of its start; None where it is
    not known. `what` names the file in messages. `on_bytes` is told how many bytes are here, and of
    how many if that is known. A connection that breaks off is taken up again where it broke, after
    each of `waits` in seconds, and by a later call, if the server says that the file is the same
    or `sha256` can tell; else it is fetched anew. `timeout` is how long a server may be silent,
    in seconds, and `patience` how long it may take for 64 KiB, or for its first words; `largest` is
    how many bytes a file may have. A second call for the same file waits for the first, in whatever
    process that is.

    Raises `DownloadError` if the file cannot be had whole, is not what `sha256` says, is larger, is
    a web page in its stead, or cannot be written; a part that can be gone on from stays. Raises
    `InputError` if `sha256` is no digest.
    """
    if sha256 is not None and not re.fullmatch("[0-9a-fA-F]{8,64}", sha256):
        raise InputError(f"a SHA-256 is 8 to 64 hexadecimal digits here, not {sha256!r}")
    place, tell = _Place(file), on_bytes or _tell_nobody
    try:
        if _is_there(file, sha256):
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        with _alone(place, tell):
            if not _is_there(file, sha256):
                known = sha256 is not None
                source = Source(url, timeout, patience, largest, is_hash_known=known)
                _fill(place, source, tell=tell, waits=waits)
                _check(place, sha256)
                place.finish()
    except RefusedError as refused:
        raise DownloadError(f"{what} could not be fetched from {url}: {refused}") from None
    except OSError as error:
        raise DownloadError(
            f"{what} could not be fetched from {url}: {file} cannot be written "
            f"({error.strerror or error}); make room there, or see whether you may write to it"
        ) from None


@dataclass(frozen=True)
class _Note:
    """Of which file a part is: where from, the server's mark of this version, the whole length."""

    url: str
    mark: str | None
    total: int | None


@dataclass(frozen=True)
class _Place:
    """Where a file is put, and its part and note beside it until it is whole."""

    file: Path

    @property
    def part(self) -> Path:
        return self.file.with_name(f".{self.file.name}.crosscam-part")

    @property
    def note(self) -> Path:
        return self.file.with_name(f".{self.file.name}.crosscam-note")

    def size(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def read_note(self) -> _Note | None:
        try:
            return _Note(**json.loads(self.note.read_bytes()))
        except (ValueError, TypeError):
            return None

    def start(self, note: _Note, head: bytes) -> None:
        """Begin a part; there is never a moment when an old part is under the new note."""
        with self.part.open("wb") as part:
            self.note.write_text(json.dumps(asdict(note)), encoding="utf-8")
            part.write(head)

    def clear(self) -> None:
        self.part.unlink(missing_ok=True)

    def finish(self) -> None:
        reach_disk(self.part)
        self.part.replace(self.file)

    def tidy(self) -> None:
        """Leave no note without a part."""
        if not self.size():
            self.clear()
            self.note.unlink(missing_ok=True)


def _fill(place: _Place, source: Source, *, tell: OnBytes, waits: Sequence[float]) -> None:
    """Bring the part to its end; a server that was never reached is not tried again."""
    got_through = False
    for wait in (*waits, None):
        try:
            _go_on(place, source, tell)
        except BrokenOffError as broken:
            got_through = got_through or broken.got_through
            if wait is None or not got_through:
                raise RefusedError(str(broken)) from None
            time.sleep(wait)
        else:
            return


def _go_on(place: _Place, source: Source, tell: OnBytes) -> None:
    """One connection: go on with the part if that is safe, else begin anew."""
    note, size = place.read_note(), place.size()
    if note is None or note.url != source.url or not size:
        note, size = None, 0
    elif size == note.total:
        return
    elif note.mark is None and not source.is_hash_known:
        note, size = None, 0
    headers = {"Range": f"bytes={size}-"} if note else {}
    if note and note.mark:
        headers["If-Range"] = note.mark
    with source.opened(headers) as answer:
        if answer.status in (200, None):  # None is a file's
            note = _begin(place, source, answer)
        elif note is None or answer.status not in (206, 416):
            raise _unwanted(answer)
        elif not _goes_on(answer, note, size, is_hash_known=source.is_hash_known):
            place.clear()
            raise BrokenOffError("the file changed on the server; try again", got_through=True)
        _copy(answer, place.part, note.total, source.largest, tell)


def _begin(place: _Place, source: Source, answer: Answer) -> _Note:
    """Begin a part with the first bytes of an answer, which tell a file from a web page."""
    note = _Note(source.url, answer.mark, answer.total)
    if note.total is not None and note.total > source.largest:
        raise RefusedError(
            f"the server says that it has {note.total} bytes, and a file may have {source.largest} "
            "here; see whether the address is right"
        )
    head = answer.read(_HEAD)
    if not head:
        raise BrokenOffError("the server sent nothing; try again later", got_through=False)
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_PAGE_STARTS):
        raise RefusedError(
            "the server sent a web page, not the file; see what the address shows in a browser"
        )
    place.start(note, head)
    return note


def _goes_on(answer: Answer, note: _Note, size: int, *, is_hash_known: bool) -> bool:
    """Whether an answer goes on, from byte `size`, with the file that the note is of."""
    found = _CONTENT_RANGE.fullmatch(answer.header("Content-Range"))
    if answer.status != 206 or not found or found[1] != str(size):
        return False
    mark = answer.mark
    return found[2] in ("*", str(note.total)) and (
        mark == note.mark or (is_hash_known and mark is None)
    )


def _copy(answer: Answer, part: Path, total: int | None, largest: int, tell: OnBytes) -> None:
    """Add what arrives to the part, up to its end."""
    limit = largest if total is None else total
    why = ""
    with part.open("ab") as target:
        done = target.tell()
        tell(done, total)
        try:
            while done <= limit and (chunk := answer.read_some(_CHUNK)):
                done += target.write(chunk)
                tell(done, total)
        except BrokenOffError as broken:
            why = f" ({broken})"
    if done > limit:
        part.unlink()
        words = "it said; try again later" if total is not None else "a file may have here"
        raise RefusedError(f"the server sent more than the {limit} bytes {words}")
    if done != total and (why or total is not None):
        raise BrokenOffError(
            f"the connection {'broke off' if why else 'ended'} after {_count(done, total)}{why}; "
            "what came is kept, and the same again goes on from there",
            got_through=True,
        )


def _check(place: _Place, sha256: str | None) -> None:
    """Remove the part and refuse it if it does not have this hash."""
    if (found := _other_digest(place.part, sha256)) is not None:
        place.clear()
        raise RefusedError(
            f"its SHA-256 begins with {found}, not as expected with {sha256}; the wrong bytes are "
            "removed: try again later, or get the file elsewhere"
        )


def _is_there(file: Path, sha256: str | None) -> bool:
    if not file.is_file():
        return False
    if (found := _other_digest(file, sha256)) is not None:
        raise RefusedError(
            f"{file} is there already, and its SHA-256 begins with {found}, not with {sha256}; "
            "remove it to fetch it anew"
        )
    return True


def _other_digest(file: Path, sha256: str | None) -> str | None:
    """As much of the file's own digest as there is of `sha256`; None if they agree."""
    if sha256 is None:
        return None
    found = sha256_of(file)[: len(sha256)]
    return None if found == sha256.lower() else found


@contextmanager
def _alone(place: _Place, tell: OnBytes) -> Iterator[None]:
    """Wait until nobody else fetches this file, and keep others from it."""
    if fcntl is None:  # as on Windows, which besides lets no open file be removed
        place.note.touch()
        try:
            yield
        finally:
            place.tidy()
        return
    while True:
        with place.note.open("ab") as held:
            if _is_locked(held) and _is_at(held, place.note):
                try:
                    yield
                finally:
                    place.tidy()
                return
        tell(place.size(), None)
        time.sleep(_POLL_SECONDS)


def _is_locked(held: BinaryIO) -> bool:
    """Take the lock if it is free; it ends with the process, however that ends."""
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(held: BinaryIO, path: Path) -> bool:
    """Whether an open file is still the one of this name."""
    try:
        return os.path.samestat(os.fstat(held.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _unwanted(answer: Answer) -> Exception:
    """What an answer without the file means; a server's own trouble may pass."""
    words = f"the server answered {answer.status} {answer.reason}"
    if answer.status is not None and answer.status >= 500:
        return BrokenOffError(f"{words}; try again later", got_through=False)
    return RefusedError(f"{words}; see whether the address is right")


def _count(done: int, total: int | None) -> str:
    return f"{done} bytes" if total is None else f"{done} of {total} bytes"


def _tell_nobody(_done: int, _total: int | None) -> None:
    pass
