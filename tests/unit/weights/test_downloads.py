"""A download is whole and checked, or refused; it goes on where it broke off, and never mixes."""

import gzip
import hashlib
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from contextlib import suppress

import pytest
from serving import Served, serving, wait_until

from crosscam.errors import DownloadError, InputError
from crosscam.weights import downloads
from crosscam.weights.downloads import fetch

CONTENT = bytes(range(256)) * 1024  # 256 KiB
OTHER = CONTENT[::-1]
DIGEST = hashlib.sha256(CONTENT).hexdigest()
NO_WAITS = (0.0, 0.0)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "cache" / "weights.pth"


def part_of(file):
    return file.with_name(f".{file.name}.crosscam-part")


def get(url, file, *, sha256=DIGEST, waits=NO_WAITS, **others):
    fetch(url, file, sha256=sha256, what="the test's file", waits=waits, **others)


def refused(url, file, message, *, keeps=None, **others):
    """The fetch fails with the message and the URL, and leaves this much of a part, or nothing."""
    with pytest.raises(DownloadError, match=message) as caught:
        get(url, file, **others)
    assert str(caught.value).startswith(f"the test's file could not be fetched from {url}: ")
    assert "\n" not in str(caught.value)
    assert not file.exists()
    if keeps is None:
        assert not file.parent.exists() or list(file.parent.iterdir()) == []
    else:
        assert part_of(file).read_bytes() == keeps


def holds_only(file, content=CONTENT):
    return file.read_bytes() == content and list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize("sha256", [DIGEST, DIGEST[:8].upper(), None])
@pytest.mark.parametrize("length", ["true", "chunked", "none"])
def test_a_file_arrives_whole(file, sha256, length):
    told = []
    with serving(Served(CONTENT, length=length)) as url:
        get(url, file, sha256=sha256, on_bytes=lambda *count: told.append(count))
    assert holds_only(file)
    assert told[-1] == (len(CONTENT), len(CONTENT) if length == "true" else None)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_a_file_of_this_machine(file, tmp_path):
    source = tmp_path / "a source.pth"
    source.write_bytes(CONTENT)
    get(source.as_uri(), file)
    assert holds_only(file)


def test_a_file_that_is_not_on_this_machine(file, tmp_path):
    refused((tmp_path / "none").as_uri(), file, "No such file")


def test_a_file_that_is_there_is_not_fetched_but_checked(file):
    file.parent.mkdir()
    file.write_bytes(CONTENT)
    get("http://127.0.0.1:9/x", file)
    with pytest.raises(DownloadError, match=r"is there already, and .*; remove it"):
        get("http://127.0.0.1:9/x", file, sha256="0" * 64)
    assert holds_only(file)


@pytest.mark.parametrize("sha256", [DIGEST, None])
@pytest.mark.parametrize("length", ["true", "chunked"])
def test_a_connection_that_breaks_off_is_gone_on_with(file, sha256, length):
    served = Served(CONTENT, cuts=[100_000, 50_000], length=length)
    if length == "chunked":
        served.obeys_if_range = False
    with serving(served) as url:
        get(url, file, sha256=sha256)
    assert holds_only(file)
    if length == "true":
        assert served.sent == [100_000, 50_000, len(CONTENT) - 150_000]


def test_it_is_gone_on_with_by_the_date_where_there_is_no_tag(file):
    served = Served(CONTENT, cuts=[100_000], tag=None, changed="Mon, 01 Jan 2018 00:00:00 GMT")
    with serving(served) as url:
        get(url, file, sha256=None)
    assert holds_only(file)
    assert served.requests[1]["If-Range"] == served.changed
    assert sum(served.sent) == len(CONTENT)


@pytest.mark.parametrize("tag", [None, 'W/"weak"'])
def test_without_a_mark_only_a_hash_lets_it_go_on(file, tag):
    served = Served(CONTENT, cuts=[100_000], tag=tag)
    with serving(served) as url:
        get(url, file)
        assert sum(served.sent) == len(CONTENT)
        file.unlink()
        served.cuts.append(100_000)
        get(url, file, sha256=None)
    assert holds_only(file)
    assert served.sent[2:] == [100_000, len(CONTENT)]


def test_a_server_without_ranges_starts_over(file):
    served = Served(CONTENT, cuts=[100_000], ranges=False)
    with serving(served) as url:
        get(url, file)
    assert holds_only(file)
    assert served.sent == [100_000, len(CONTENT)]


def test_it_gives_up_after_the_waits_keeps_the_part_and_goes_on_in_the_next_call(file):
    served = Served(CONTENT, cuts=[50_000, 50_000, 50_000])
    with serving(served) as url:
        refused(url, file, "broke off|ended after 150000 of", keeps=CONTENT[:150_000])
        get(url, file)
    assert holds_only(file)
    assert sum(served.sent) == len(CONTENT)


@pytest.mark.parametrize("sha256", [hashlib.sha256(OTHER).hexdigest(), None])
@pytest.mark.parametrize("obeys", [True, False])
def test_a_file_that_changed_in_between_is_fetched_anew(file, sha256, obeys):
    served = Served(CONTENT, cuts=[100_000], obeys_if_range=obeys)
    with serving(served) as url:
        with pytest.raises(DownloadError):
            get(url, file, sha256=sha256, waits=())
        served.content = OTHER
        get(url, file, sha256=sha256)
    assert holds_only(file, OTHER)


@pytest.mark.parametrize("shift", [-9, 9])
def test_a_part_that_was_not_asked_for_is_not_added(file, shift):
    served = Served(CONTENT, cuts=[100_000], range_shift=shift)
    with serving(served) as url:
        get(url, file, sha256=None)
    assert holds_only(file)
    assert "Range" not in served.requests[2]


def test_a_part_of_another_address_is_not_gone_on_with(file):
    with serving(Served(OTHER, cuts=[100_000], tag='"same"')) as url:
        refused(url, file, "ended after", waits=(), keeps=OTHER[:100_000])
    with serving(Served(CONTENT, tag='"same"')) as url:
        get(url, file)
    assert holds_only(file)


@pytest.mark.parametrize("note", [b"", b"{", b"[]", b'{"url": 1}'])
def test_a_part_with_a_broken_note_is_not_gone_on_with(file, note):
    file.parent.mkdir()
    part_of(file).write_bytes(OTHER[:1000])
    file.with_name(f".{file.name}.crosscam-note").write_bytes(note)
    with serving(Served(CONTENT)) as url:
        get(url, file, sha256=None)
    assert holds_only(file)


def _interrupt(*_):
    raise KeyboardInterrupt


def test_a_part_that_lacked_only_its_name_is_not_fetched_again(file, monkeypatch):
    with serving(Served(CONTENT)) as url:
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", _interrupt)
            with pytest.raises(KeyboardInterrupt):
                get(url, file)
        assert part_of(file).read_bytes() == CONTENT
    get(url, file)
    assert holds_only(file)


def test_a_length_that_is_too_long(file):
    with serving(Served(CONTENT, length=len(CONTENT) + 9, ranges=False)) as url:
        refused(url, file, "after 262144 of 262153 bytes", keeps=CONTENT)


@pytest.mark.parametrize("sha256", [DIGEST, None])
@pytest.mark.parametrize("missing", [1, 100_000])
def test_a_length_that_is_too_short(file, sha256, missing):
    with serving(Served(CONTENT, length=len(CONTENT) - missing)) as url:
        refused(url, file, "sent more than the .* bytes it said", sha256=sha256)


@pytest.mark.parametrize("sha256", [DIGEST, None])
def test_a_file_that_is_too_large(file, sha256):
    """By what is said of its length, before anything is written, or by what comes."""
    with serving(Served(CONTENT)) as url:
        refused(url, file, "it has 262144 bytes, and a file may have 262143", largest=262143)
        get(url, file, largest=262144)
    assert holds_only(file)
    file.unlink()
    with serving(Served(CONTENT, length="chunked")) as url:
        words = "sent more than the 100000 bytes a file may have here"
        refused(url, file, words, sha256=sha256, largest=100_000)
        get(url, file, sha256=sha256, largest=262144)
    assert holds_only(file)


@pytest.mark.parametrize("content", [CONTENT[:-1] + b"\0", CONTENT[:-1], OTHER])
def test_wrong_bytes_are_removed(file, content):
    with serving(Served(content)) as url:
        refused(url, file, f"SHA-256 begins with .*, not as expected with {DIGEST}.*removed")


@pytest.mark.parametrize("sha256", [DIGEST, None])
def test_a_web_page_is_not_the_file_and_spoils_no_part(file, sha256):
    page = b"\n<!DOCTYPE html><title>Please log in</title>"
    served = Served(page)
    with serving(served) as url:
        refused(url, file, "sent a web page", sha256=sha256)
        served.content, served.cuts = CONTENT, [100_000]
        refused(url, file, "ended after", waits=(), sha256=sha256, keeps=CONTENT[:100_000])
        served.content = page
        refused(url, file, "sent a web page", sha256=sha256, keeps=CONTENT[:100_000])


@pytest.mark.parametrize("status", [403, 404, 500, 503])
def test_a_status_that_is_an_error(file, status):
    served = Served(CONTENT, status=status)
    with serving(served) as url:
        refused(url, file, f"the server answered {status} [A-Z]")
    assert len(served.requests) == 1


def test_an_empty_answer(file):
    with serving(Served(b"")) as url:
        refused(url, file, "sent nothing", sha256=None)


def test_a_connection_that_is_refused(file):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        refused(f"http://127.0.0.1:{closed.getsockname()[1]}/x", file, "refused; see whether")


def test_a_host_that_does_not_exist(file, monkeypatch):
    def unknown(*_):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    refused("http://nowhere.invalid/x", file, "Name or service not known; see whether")


@pytest.mark.parametrize("after", [None, 100_000])
def test_a_server_that_falls_silent(file, after):
    if after is None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
            refused(url, file, "timed out; see whether", timeout=0.2)
    else:
        with serving(Served(CONTENT, hang_after=after)) as url:
            kept = CONTENT[:after]
            refused(url, file, "100000 of .*timed out", timeout=0.2, waits=(), keeps=kept)


@pytest.mark.parametrize("length", ["true", "chunked", "none"])
def test_a_server_that_drips(file, length):
    """Every byte comes in time, but there would be no end."""
    served = Served(CONTENT, bytes_a_write=1, seconds_a_write=0.02, length=length)
    with serving(served) as url:
        message = r"less than 64 KiB came in 0\.3 seconds"
        refused(url, file, message, patience=0.3, waits=(), sha256=None)


def test_a_server_that_drips_after_a_while_is_gone_on_with(file):
    served = Served(CONTENT, bytes_a_write=100_000, seconds_a_write=30)
    with serving(served) as url:
        kept = CONTENT[:100_000]
        refused(url, file, "less than 64 KiB came", patience=1, waits=(), keeps=kept)
        served.bytes_a_write, served.seconds_a_write = 1 << 14, 0
        get(url, file)
    assert holds_only(file)


def test_a_server_whose_head_drips(file):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer():
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                connection.recv(4096)
                for sign in b"HTTP/1.1 200 OK\r\n" + b"X-More: yes\r\n" * 1000:
                    connection.sendall(bytes([sign]))
                    time.sleep(0.02)

        thread = threading.Thread(target=answer)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        refused(url, file, "less than 64 KiB came", patience=0.3, waits=())
        thread.join()


@pytest.mark.parametrize("sha256", [DIGEST, None])
@pytest.mark.parametrize(
    "headers",
    [{"Content-Encoding": "gzip"}, {"Content-Encoding": "br"}, {"Transfer-Encoding": "gzip"}],
)
def test_an_encoding_that_was_not_asked_for(file, headers, sha256):
    with serving(Served(gzip.compress(CONTENT), headers=headers)) as url:
        refused(url, file, f"sent it encoded .*{next(iter(headers.values()))}", sha256=sha256)


def test_the_plain_encoding_is_none(file):
    with serving(Served(CONTENT, headers={"Content-Encoding": "Identity"})) as url:
        get(url, file)
    assert holds_only(file)


@pytest.mark.parametrize("content", [b"nonsense\r\n", b"HTTP/1.1 200 OK\r\nContent-Le"])
def test_a_server_that_speaks_no_http(file, content):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer():
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(content)

        thread = threading.Thread(target=answer)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        refused(url, file, "nonsense|sent nothing|broke|Remote end", timeout=5)
        thread.join()


def test_an_end_that_nobody_knows_must_at_least_be_no_reset(file):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer():
            connection, _ = listener.accept()
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + CONTENT[:1000])
            wait_until(lambda: part_of(file).exists() and part_of(file).stat().st_size)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        refused(
            url, file, "broke off after 1000 bytes", sha256=None, waits=(), keeps=CONTENT[:1000]
        )
        thread.join()


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/x", "data:,x", "weights.pth", "javascript:1"])
def test_other_schemes(file, url):
    refused(url, file, "from http://, https:// and file:// addresses")


@pytest.mark.parametrize("url", ["http://", "http://[/x", "http://127.0.0.1:x/", "http://a b/\xe9"])
def test_addresses_that_are_none(file, url):
    refused(url, file, "see whether the address is right")


def test_redirects_are_followed_to_the_web_only(file, tmp_path):
    (tmp_path / "secret").write_bytes(CONTENT)
    with serving(Served(CONTENT)) as target:
        with serving(Served(b"", location=target)) as url:
            get(url, file)
        assert holds_only(file)
        file.unlink()
        for location in ((tmp_path / "secret").as_uri(), "ftp://127.0.0.1/x", "data:,x"):
            with serving(Served(b"", location=location)) as url:
                refused(url, file, "not allowed|unknown url type")
        with serving(served := Served(b"", location="/again")) as url:
            refused(url, file, "infinite loop")
        assert len(served.requests) < 20


@pytest.mark.parametrize("sha256", ["", "0123456", "not hexadecimal", "0" * 65])
def test_a_hash_that_is_none(file, sha256):
    with pytest.raises(InputError, match="8 to 64 hexadecimal digits"):
        get("http://127.0.0.1:9/", file, sha256=sha256)


def test_a_disk_that_is_full_keeps_what_fitted(file):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with serving(Served(CONTENT)) as url:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
        try:
            with pytest.raises(
                DownloadError, match="cannot be written .File too large.; make room"
            ):
                get(url, file)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        kept = part_of(file).read_bytes()
        assert kept
        assert CONTENT.startswith(kept)
        get(url, file)
    assert holds_only(file)


def test_a_folder_that_is_a_file(tmp_path):
    (tmp_path / "cache").write_text("")
    with pytest.raises(DownloadError, match="cannot be written"):
        get("http://127.0.0.1:9/", tmp_path / "cache" / "x")


def test_an_interrupt_keeps_the_part(file):
    def stop(done, _total):
        if done > 100_000:
            raise KeyboardInterrupt

    served = Served(CONTENT)
    with serving(served) as url:
        with pytest.raises(KeyboardInterrupt):
            get(url, file, on_bytes=stop)
        kept = part_of(file).read_bytes()
        assert len(kept) > 100_000
        get(url, file)
    assert served.sent[1] == len(CONTENT) - len(kept)
    assert holds_only(file)


def test_a_system_without_locks_will_do(file, monkeypatch):
    monkeypatch.setattr(downloads, "fcntl", None)
    with serving(Served(CONTENT)) as url:
        get(url, file)
    assert holds_only(file)


def test_two_at_once_fetch_it_once(file):
    served = Served(CONTENT, hang_after=100_000)
    told, ended = [], []
    with serving(served) as url:

        def second():
            get(url, file, on_bytes=lambda *count: told.append(count))
            ended.append("second")

        def first():
            get(url, file, waits=(0.0,))
            ended.append("first")

        threads = [threading.Thread(target=first), threading.Thread(target=second)]
        threads[0].start()
        wait_until(lambda: part_of(file).exists() and part_of(file).stat().st_size)
        threads[1].start()
        wait_until(lambda: told)
        served.hang_after = None
        served.released.set()
        for thread in threads:
            thread.join(30)
    assert sorted(ended) == ["first", "second"]
    assert holds_only(file)
    assert sum(served.sent) == len(CONTENT)


def test_a_lock_on_a_note_that_was_removed_meanwhile_is_none(file, monkeypatch):
    take, takings = downloads._is_locked, []

    def take_late(held):
        if not takings:
            file.with_name(f".{file.name}.crosscam-note").unlink()
        takings.append(held)
        return take(held)

    monkeypatch.setattr(downloads, "_is_locked", take_late)
    with serving(Served(CONTENT)) as url:
        get(url, file)
    assert len(takings) == 2
    assert holds_only(file)


SCRIPT = """
import sys
from pathlib import Path
from crosscam.weights.downloads import fetch
fetch(sys.argv[1], Path(sys.argv[2]), sha256=sys.argv[3], what="it")
"""


def test_a_killed_download_is_gone_on_with_by_the_next_call(file):
    served = Served(CONTENT, hang_after=200_000)
    with serving(served) as url:
        process = subprocess.Popen([sys.executable, "-c", SCRIPT, url, str(file), DIGEST])
        wait_until(lambda: part_of(file).exists() and part_of(file).stat().st_size == 200_000)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        assert not file.exists()
        served.hang_after = None
        get(url, file)
    assert holds_only(file)
    assert served.sent == [200_000, len(CONTENT) - 200_000]
