"""A web server on this machine that does what is asked of it, well or badly."""

import hashlib
import http.server
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Served:
    """What a server says; it can be changed between two requests.

    `cuts` holds, per request, after how many bytes the connection breaks off; `hang_after` is after
    how many it goes silent until `released`. `tag` and `changed` are the headers ETag and
    Last-Modified, `length` what is said of the length: "true", "none", "chunked" or a number;
    a part that is asked for begins `range_shift` bytes later. `headers` are said, too, and
    `seconds_a_write` go by between two pieces.
    """

    content: bytes
    tag: str | None = "by hash"
    changed: str | None = None
    ranges: bool = True
    obeys_if_range: bool = True
    range_shift: int = 0
    length: str | int = "true"
    status: int | None = None
    location: str | None = None
    cuts: list[int] = field(default_factory=list)
    hang_after: int | None = None
    bytes_a_write: int = 1 << 14
    seconds_a_write: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)
    requests: list[dict[str, str]] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def mark(self):
        if self.tag == "by hash":
            return f'"{hashlib.sha256(self.content).hexdigest()[:16]}"'
        return self.tag


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    served: Served

    def do_GET(self):
        served = self.served
        served.requests.append(dict(self.headers))
        served.sent.append(0)
        self.close_connection = True
        if served.location:
            self._say(302, {"Location": served.location, "Content-Length": "0"})
        elif served.status:
            self._say(served.status, {"Content-Length": "0"})
        else:
            self._send(served, *self._part(served))

    def _part(self, served):
        asked = self.headers.get("Range")
        condition = self.headers.get("If-Range")
        is_same = not served.obeys_if_range or condition in (None, served.mark, served.changed)
        if not asked or not served.ranges or not is_same:
            return 200, 0
        start = int(asked.removeprefix("bytes=").removesuffix("-")) + served.range_shift
        return (206, start) if start < len(served.content) else (416, start)

    def _send(self, served, status, start):
        total = len(served.content)
        body = b"" if status == 416 else served.content[start:]
        headers = {"ETag": served.mark, "Last-Modified": served.changed, **served.headers}
        if status == 206:
            headers["Content-Range"] = f"bytes {start}-{total - 1}/{total}"
        if served.length == "chunked":
            headers["Transfer-Encoding"] = "chunked"
        elif served.length != "none":
            headers["Content-Length"] = len(body) if served.length == "true" else served.length
        self._say(status, {key: value for key, value in headers.items() if value is not None})
        cut = served.cuts.pop(0) if served.cuts else None
        self._write(served, body if cut is None else body[:cut], is_whole=cut is None)

    def _write(self, served, body, *, is_whole):
        at = 0
        while at < len(body):
            if served.hang_after is not None and at >= served.hang_after:
                served.released.wait(20)
                return
            end = min(at + served.bytes_a_write, served.hang_after or len(body), len(body))
            end = end if end > at else len(body)
            piece = body[at:end]
            if served.length == "chunked":
                self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            else:
                self.wfile.write(piece)
            at = end
            served.released.wait(served.seconds_a_write)
            served.sent[-1] += len(piece)
        if served.length == "chunked" and is_whole:
            self.wfile.write(b"0\r\n\r\n")

    def _say(self, status, headers):
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, str(value))
        self.end_headers()

    def log_message(self, *_):
        pass


class _Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """A client that hangs up, or is killed, is what is tested."""


@contextmanager
def serving(served):
    """The address, ending in a slash, at which `served` is served while entered."""
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"served": served}))
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        served.released.set()
        server.shutdown()
        thread.join()
        server.server_close()


def wait_until(condition, seconds=120):
    """Wait for what another thread or process does; fail if it never does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
