"""Asking a server for a file, or for the rest of one, without waiting for ever."""

import http.client
import re
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib import request
from urllib.error import HTTPError

from crosscam.screen import printable

_LEAST = 1 << 16  # bytes that are to come within the patience
_LONGEST_REASON = 200
_LENGTH = re.compile("[0-9]{1,18}")
_NETWORK_ERRORS = (OSError, http.client.HTTPException, ValueError)


class RefusedError(Exception):
    """This file cannot be had now; the message says why and what to do."""


class BrokenOffError(Exception):
    """A connection ended early; `got_through` if the server had begun to answer."""

    def __init__(self, reason: str, *, got_through: bool) -> None:
        super().__init__(reason)
        self.got_through = got_through


@dataclass
class _Pace:
    """Hangs up on a server that takes longer than `patience` seconds for `_LEAST` bytes."""

    patience: float
    lines: list[socket.socket] = field(default_factory=list)
    count: int = 0
    is_too_slow: bool = False
    ended: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def kept(self) -> Iterator[None]:
        watch = threading.Thread(target=self._watch, daemon=True)
        watch.start()
        try:
            yield
        finally:
            self.ended.set()
            watch.join()

    def _watch(self) -> None:
        seen = 0
        while not self.ended.wait(self.patience):
            if self.count - seen < _LEAST:
                self.is_too_slow = True
                for line in self.lines:
                    _hang_up(line)
            seen = self.count

    def broken(self, reason: str, *, got_through: bool) -> BrokenOffError:
        """What a connection broke off for: its own reason, or that it was too slow."""
        if self.is_too_slow:
            reason = f"less than {_LEAST >> 10} KiB came in {self.patience:g} seconds"
        return BrokenOffError(reason, got_through=got_through)


@dataclass(frozen=True)
class Answer:
    """What a server answers; its content is read as it comes, whatever length was said."""

    response: Any
    pace: _Pace

    @property
    def status(self) -> int | None:
        """The status of HTTP; None for a file of this machine."""
        status: int | None = self.response.status
        return status

    @property
    def reason(self) -> str:
        """What the server says beside its status."""
        return _one_line(self.response.reason)

    def header(self, name: str) -> str:
        """A header's value, "" where there is none."""
        return str(self.response.headers.get(name, "")).strip()

    @property
    def mark(self) -> str | None:
        """What tells this version of the file from others: a strong ETag, or when it changed."""
        tag = self.header("ETag")
        return (tag if not tag.startswith("W/") else "") or self.header("Last-Modified") or None

    @property
    def total(self) -> int | None:
        """The length that was said, if it was."""
        length = self.header("Content-Length")
        is_chunked = self.header("Transfer-Encoding") != ""
        return int(length) if _LENGTH.fullmatch(length) and not is_chunked else None

    def read(self, size: int) -> bytes:
        """The next `size` bytes; fewer at the end. Raises `BrokenOffError`."""
        return self._read(self.response.read, size)

    def read_some(self, size: int) -> bytes:
        """At most `size` bytes, as soon as there are any. Raises `BrokenOffError`."""
        return self._read(self.response.read1, size)

    def _read(self, read: Callable[[int], bytes], size: int) -> bytes:
        self.response.length = None
        try:
            content = read(size)
        except _NETWORK_ERRORS as error:
            raise self.pace.broken(_reason(error), got_through=True) from None
        if self.pace.is_too_slow:
            raise self.pace.broken("", got_through=True)
        self.pace.count += len(content)
        return content


@dataclass(frozen=True)
class Source:
    """Where a file is fetched from.

    Attributes:
        url: its address, of http, https or file.
        timeout: how many seconds a server may be silent.
        patience: how many seconds it may take for 64 KiB, or for its first words.
        largest: how many bytes the file may have.
        is_hash_known: whether the file will be known by its hash.
    """

    url: str
    timeout: float
    patience: float
    largest: int
    is_hash_known: bool

    @contextmanager
    def opened(self, headers: Mapping[str, str]) -> Iterator[Answer]:
        """The server's answer, whatever its status; redirects are followed.

        Raises `RefusedError` for another scheme, and for content in an encoding that was not asked
        for, and `BrokenOffError` where no answer comes.
        """
        if self.url.partition(":")[0].lower() not in ("http", "https", "file"):
            raise RefusedError("crosscam fetches from http://, https:// and file:// addresses")
        pace = _Pace(self.patience)
        with pace.kept():
            try:
                question = request.Request(self.url, headers={"User-Agent": "crosscam", **headers})  # noqa: S310 - the scheme was looked at
                response = _opener(pace.lines).open(question, timeout=self.timeout)
            except HTTPError as error:
                response = error
            except _NETWORK_ERRORS as error:
                reason = f"{_reason(error)}; see whether the address is right and the network there"
                raise pace.broken(reason, got_through=False) from None
            with response:
                answer = Answer(response, pace)
                _refuse_encoded(answer)
                yield answer


def _refuse_encoded(answer: Answer) -> None:
    """Raise `RefusedError` for bytes that are not the file's own: none but those were asked for."""
    for name, plain in (("Content-Encoding", "identity"), ("Transfer-Encoding", "chunked")):
        encoding = answer.header(name)
        if encoding.lower() not in ("", plain):
            raise RefusedError(
                f"the server sent it encoded ({name}: {_one_line(encoding)}), which was not asked "
                "for; get the file elsewhere"
            )


def _opener(lines: list[socket.socket]) -> request.OpenerDirector:
    """What opens http, https and file, and nothing else, nor goes from the net to a local file.

    The connections that it makes are added to `lines`.
    """

    class Plain(http.client.HTTPConnection):
        def connect(self) -> None:
            super().connect()
            lines.append(self.sock)

    class Secure(http.client.HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            lines.append(self.sock)

    class PlainHandler(request.HTTPHandler):
        def http_open(self, req: request.Request) -> http.client.HTTPResponse:
            return self.do_open(Plain, req)

    class SecureHandler(request.HTTPSHandler):
        def https_open(self, req: request.Request) -> http.client.HTTPResponse:
            return self.do_open(Secure, req)

    opener = request.OpenerDirector()
    for handler in (
        *(request.ProxyHandler, PlainHandler, SecureHandler, request.FileHandler),
        *(request.HTTPRedirectHandler, request.HTTPDefaultErrorHandler),
        *(request.HTTPErrorProcessor, request.UnknownHandler),
    ):
        opener.add_handler(handler())
    return opener


def _hang_up(line: socket.socket) -> None:
    with suppress(OSError):  # it may have ended already
        socket.socket.shutdown(line, socket.SHUT_RDWR)  # of TLS, too, without a word more


def _reason(error: Exception) -> str:
    return _one_line(getattr(error, "reason", error)) or type(error).__name__


def _one_line(text: object) -> str:
    """What another machine says, in one line that can be shown."""
    return printable(" ".join(str(text).split()))[:_LONGEST_REASON]
