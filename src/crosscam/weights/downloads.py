"""Fetching a file over connections that break off, from servers that may be wrong.

What arrives is written to a part file beside its place, which gets the file's name when it is whole
and checked. A note beside it says of which file at which address the part is; who holds the lock on
the note is the only one who writes. Both outlive a kill, so that the next call goes on from there.
"""

import http.client
import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO
from urllib import request
from urllib.error import HTTPError

from crosscam.errors import DownloadError, InputError
from crosscam.files import reach_disk, sha256_of

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

OnBytes = Callable[[int, int | None], None]

_CHUNK = 1 << 16
_HEAD = 512
_POLL_SECONDS = 0.1
_PAGE_STARTS = (b"<!doctype", b"<html", b"<?xml")
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")
_NETWORK_ERRORS = (OSError, http.client.HTTPException, ValueError)


def fetch(
    url: str,
    file: Path,
    *,
    sha256: str | None,
    what: str,
    on_bytes: OnBytes | None = None,
    waits: Sequence[float] = (1.0, 3.0, 9.0),
    timeout: float = 30.0,
) -> None:
    """Fetch `url`, of http, https or file, into `file`; one that is there already is only checked.

    `sha256` is the file's digest in hexadecimal, or 8 digits or more of its start; None where it is
    not known. `what` names the file in messages. `on_bytes` is told how many bytes are here, and of
    how many if that is known. A connection that breaks off is taken up again where it broke, after
    each of `waits` in seconds, and by a later call, if the server says that the file is the same
    or `sha256` can tell; else it is fetched anew. `timeout` is how long a server may be silent.
    A second call for the same file waits for the first, in whatever process that is.

    Raises `DownloadError` if the file cannot be had whole, is not what `sha256` says, is a web page
    in its stead, or cannot be written; a part that can be gone on from stays. Raises `InputError`
    if `sha256` is no digest.
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
                source = _Source(url, timeout, is_hash_known=sha256 is not None)
                _fill(place, source, tell=tell, waits=waits)
                _check(place, sha256)
                place.finish()
    except _RefusedError as refused:
        raise DownloadError(f"{what} could not be fetched from {url}: {refused}") from None
    except OSError as error:
        raise DownloadError(
            f"{what} could not be fetched from {url}: {file} cannot be written "
            f"({error.strerror or error}); make room there, or see whether you may write to it"
        ) from None


class _RefusedError(Exception):
    """This file cannot be had now; the message says why and what to do."""


class _BrokenOffError(Exception):
    """A connection ended early; `got_through` if the server had begun to answer."""

    def __init__(self, reason: str, *, got_through: bool) -> None:
        super().__init__(reason)
        self.got_through = got_through


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


@dataclass(frozen=True)
class _Source:
    """Where a file is fetched from."""

    url: str
    timeout: float
    is_hash_known: bool

    @contextmanager
    def opened(self, headers: Mapping[str, str]) -> Iterator[Any]:
        """The server's answer, whatever its status; redirects are followed."""
        if self.url.partition(":")[0].lower() not in ("http", "https", "file"):
            raise _RefusedError("crosscam fetches from http://, https:// and file:// addresses")
        try:
            question = request.Request(self.url, headers={"User-Agent": "crosscam", **headers})  # noqa: S310 - the scheme was looked at
            response = _opener().open(question, timeout=self.timeout)
        except HTTPError as answer:
            response = answer
        except _NETWORK_ERRORS as error:
            raise _BrokenOffError(
                f"{_reason(error)}; see whether the address is right and the network there",
                got_through=False,
            ) from None
        with response:
            yield response


def _fill(place: _Place, source: _Source, *, tell: OnBytes, waits: Sequence[float]) -> None:
    """Bring the part to its end; a server that was never reached is not tried again."""
    got_through = False
    for wait in (*waits, None):
        try:
            _go_on(place, source, tell)
        except _BrokenOffError as broken:
            got_through = got_through or broken.got_through
            if wait is None or not got_through:
                raise _RefusedError(str(broken)) from None
            time.sleep(wait)
        else:
            return


def _go_on(place: _Place, source: _Source, tell: OnBytes) -> None:
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
    with source.opened(headers) as response:
        if response.status in (200, None):  # None is a file's
            note = _begin(place, source, response)
        elif note is None or response.status not in (206, 416):
            raise _unwanted(response)
        elif not _goes_on(response, note, size, is_hash_known=source.is_hash_known):
            place.clear()
            raise _BrokenOffError("the file changed on the server; try again", got_through=True)
        _copy(response, place.part, note.total, tell)


def _begin(place: _Place, source: _Source, response: Any) -> _Note:
    """Begin a part with the first bytes of an answer, which tell a file from a web page."""
    note = _Note(source.url, _mark(response), _total(response))
    response.length = None  # so that bytes beyond the length that was said are seen
    head = _read(response.read, _HEAD)
    if not head:
        raise _BrokenOffError("the server sent nothing; try again later", got_through=False)
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_PAGE_STARTS):
        raise _RefusedError(
            "the server sent a web page, not the file; see what the address shows in a browser"
        )
    place.start(note, head)
    return note


def _goes_on(response: Any, note: _Note, size: int, *, is_hash_known: bool) -> bool:
    """Whether an answer goes on, from byte `size`, with the file that the note is of."""
    found = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
    if response.status != 206 or not found or int(found[1]) != size:
        return False
    response.length = None
    mark = _mark(response)
    return found[2] in ("*", str(note.total)) and (
        mark == note.mark or (is_hash_known and mark is None)
    )


def _copy(response: Any, part: Path, total: int | None, tell: OnBytes) -> None:
    """Add what arrives to the part, up to its end."""
    with part.open("ab") as target:
        done = target.tell()
        try:
            tell(done, total)
            while chunk := _read(response.read1, _CHUNK):
                done += target.write(chunk)
                tell(done, total)
                if total is not None and done > total:
                    break
        except _BrokenOffError as broken:
            if done != total:
                raise _BrokenOffError(
                    f"the connection broke off after {_count(done, total)} ({broken}); what came "
                    "is kept, and the same again goes on from there",
                    got_through=True,
                ) from None
    if total is not None and done > total:
        part.unlink()
        raise _RefusedError(f"the server sent more than the {total} bytes it said; try again later")
    if total is not None and done < total:
        raise _BrokenOffError(
            f"the connection ended after {_count(done, total)}; what came is kept, and the same "
            "again goes on from there",
            got_through=True,
        )


def _read(read: Callable[[int], bytes], size: int) -> bytes:
    try:
        return read(size)
    except _NETWORK_ERRORS as error:
        raise _BrokenOffError(_reason(error), got_through=True) from None


def _check(place: _Place, sha256: str | None) -> None:
    """Remove the part and refuse it if it does not have this hash."""
    if (found := _other_digest(place.part, sha256)) is not None:
        place.clear()
        raise _RefusedError(
            f"its SHA-256 begins with {found}, not as expected with {sha256}; the wrong bytes are "
            "removed: try again later, or get the file elsewhere"
        )


def _is_there(file: Path, sha256: str | None) -> bool:
    if not file.is_file():
        return False
    if (found := _other_digest(file, sha256)) is not None:
        raise _RefusedError(
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


def _opener() -> request.OpenerDirector:
    """What opens http, https and file, and nothing else, nor goes from the net to a local file."""
    opener = request.OpenerDirector()
    for handler in (
        *(request.ProxyHandler, request.HTTPHandler, request.HTTPSHandler, request.FileHandler),
        *(request.HTTPRedirectHandler, request.HTTPDefaultErrorHandler),
        *(request.HTTPErrorProcessor, request.UnknownHandler),
    ):
        opener.add_handler(handler())
    return opener


def _unwanted(response: Any) -> Exception:
    """What an answer without the file means; a server's own trouble may pass."""
    answer = f"the server answered {response.status} {' '.join(str(response.reason).split())}"
    if response.status >= 500:
        return _BrokenOffError(f"{answer}; try again later", got_through=False)
    return _RefusedError(f"{answer}; see whether the address is right")


def _mark(response: Any) -> str | None:
    """What tells this version of the file from others: a strong ETag, or when it was changed."""
    tag: str | None = response.headers.get("ETag")
    changed: str | None = response.headers.get("Last-Modified")
    return tag if tag and not tag.startswith("W/") else changed


def _total(response: Any) -> int | None:
    length = response.headers.get("Content-Length", "").strip()
    is_chunked = "Transfer-Encoding" in response.headers
    return int(length) if length.isdecimal() and not is_chunked else None


def _count(done: int, total: int | None) -> str:
    return f"{done} bytes" if total is None else f"{done} of {total} bytes"


def _reason(error: Exception) -> str:
    text = " ".join(str(getattr(error, "reason", error)).split())
    return text or type(error).__name__


def _tell_nobody(_done: int, _total: int | None) -> None:
    pass
