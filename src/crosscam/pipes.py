"""Objects through a pipe between processes, their arrays in memory that both then see.

The memory is an anonymous file, which has no name and no place, where the system has such files;
elsewhere arrays go through the pipe. It is never /dev/shm, which containers keep small.
"""

import mmap
import os
import pickle
import socket
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

_ALIGNMENT = 64  # bytes
_LEAST = 2**14  # bytes that are worth a file


class _Parcel(NamedTuple):
    """A pickle without its arrays, of so many bytes each, which follow it."""

    content: bytes
    sizes: Sequence[int]
    in_memory: bool


def send(pipe: Connection, value: Any) -> None:
    """Send a value that can be pickled. Raises `OSError` if the other end is gone."""
    kept: list[pickle.PickleBuffer] = []
    content = pickle.dumps(value, protocol=5, buffer_callback=kept.append)
    arrays = [array.raw() for array in kept]
    sizes = [array.nbytes for array in arrays]
    file = _in_memory(arrays) if sum(sizes) >= _LEAST else None
    pipe.send(_Parcel(content, sizes, file is not None))
    if file is None:
        for array in arrays:
            pipe.send_bytes(array)
        return
    try:
        with socket.fromfd(pipe.fileno(), socket.AF_UNIX, socket.SOCK_STREAM) as channel:
            socket.send_fds(channel, [b"\0"], [file])
    finally:
        os.close(file)


def receive(pipe: Connection) -> Any:
    """The next value that was sent; its arrays can be written to, and nobody else sees that.

    Raises `EOFError` or `OSError` if the other end is gone.
    """
    parcel: _Parcel = pipe.recv()
    arrays: list[Any]
    if parcel.in_memory:
        whole = memoryview(_receive_memory(pipe))
        places = zip(_starts(parcel.sizes), parcel.sizes, strict=True)
        arrays = [whole[start : start + size] for start, size in places]
    else:
        arrays = [bytearray(size) for size in parcel.sizes]
        for array in arrays:
            pipe.recv_bytes_into(array)
    return pickle.loads(parcel.content, buffers=arrays)  # noqa: S301 - of a process of ours


def _in_memory(arrays: Sequence[memoryview]) -> int | None:
    """An open file in memory that holds the arrays; None where the system offers none."""
    if not hasattr(os, "memfd_create"):
        return None
    try:
        file = os.memfd_create("crosscam")
    except OSError:
        return None
    with open(file, "wb", closefd=False) as content:
        for start, array in zip(_starts([array.nbytes for array in arrays]), arrays, strict=True):
            content.seek(start)
            content.write(array)
    return file


def _receive_memory(pipe: Connection) -> mmap.mmap:
    with socket.fromfd(pipe.fileno(), socket.AF_UNIX, socket.SOCK_STREAM) as channel:
        _, files, _, _ = socket.recv_fds(channel, 1, 1)
    if not files:
        raise EOFError
    try:
        return mmap.mmap(files[0], 0)
    finally:
        os.close(files[0])


def _starts(sizes: Sequence[int]) -> list[int]:
    """Where arrays of such sizes stand in a file."""
    starts, end = [], 0
    for size in sizes:
        starts.append(end)
        end += -(-size // _ALIGNMENT) * _ALIGNMENT
    return starts
