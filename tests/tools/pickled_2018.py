"""Checkpoints as PyTorch 0.4 under Python 2 wrote them, op for op but for the memo.

`torch.save` no longer writes byte strings, so this pickler of our own does. `Global`, `Call` and
`Stored` spell out what no honest checkpoint has, for the tests of hostile ones.
"""

import io
import pickle as opcodes
import struct
import zipfile
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
import torch

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
PROTOCOL_VERSION = 1001
SYSTEM = {
    "protocol_version": PROTOCOL_VERSION,
    "little_endian": True,
    "type_sizes": {"short": 2, "int": 4, "long": 4},
}
_STORAGES = {
    torch.float32: "FloatStorage",
    torch.float64: "DoubleStorage",
    torch.int64: "LongStorage",
}


@dataclass(frozen=True)
class Global:
    """A class or function, by name."""

    module: str
    name: str


@dataclass(frozen=True)
class Call:
    """What `function(*arguments)` gives, with its `state` set if there is one."""

    function: object
    arguments: tuple
    state: object = None


@dataclass(frozen=True)
class Stored:
    """What a persistent id stands for."""

    identity: object


@dataclass(frozen=True)
class Storage:
    """The numbers of tensors: where the file has them, and how many it says there are."""

    key: str
    count: int
    kind: str = "FloatStorage"


REBUILD = Global("torch._utils", "_rebuild_tensor_v2")
SCALAR = Global("numpy.core.multiarray", "scalar")
DTYPE = Global("numpy", "dtype")


def view(size, stride, *, key="0", count=1):
    """A float tensor of any geometry, on the storage `key` that claims `count` elements."""
    return Call(REBUILD, (Storage(key, count), 0, size, stride, False, OrderedDict()))


def number(value):
    """A NumPy number."""
    kind = Call(DTYPE, (value.dtype.str[1:], 0, 1), (3, "<", None, None, None, -1, -1, 0))
    return Call(SCALAR, (kind, value.tobytes().decode("latin1")))


class Pickler:
    """Protocol 2; `storages` gathers the content of the tensors by key."""

    def __init__(self, *, location="cpu", zipped=False):
        self.location = location
        self.zipped = zipped
        self.storages = {}

    def dumps(self, value):
        return b"\x80\x02" + self._dump(value) + opcodes.STOP

    def _dump(self, value):  # noqa: C901 - a line or two a type
        match value:
            case None:
                return opcodes.NONE
            case bool():
                return opcodes.NEWTRUE if value else opcodes.NEWFALSE
            case int():
                return _integer(value)
            case np.float64():  # which is a float, too
                return self._dump(number(value))
            case float():
                return opcodes.BINFLOAT + struct.pack(">d", value)
            case bytes():  # opcodes, as they are
                return value
            case str():
                return _byte_string(value.encode("latin1"))
            case tuple():
                return opcodes.MARK + self._all(value) + opcodes.TUPLE
            case list():
                return opcodes.EMPTY_LIST + opcodes.MARK + self._all(value) + opcodes.APPENDS
            case OrderedDict():  # Python 2 gave it a list of lists
                pairs = ([[key, item] for key, item in value.items()],)
                return self._dump(Call(Global("collections", "OrderedDict"), pairs))
            case dict():
                entries = [part for pair in value.items() for part in pair]
                return opcodes.EMPTY_DICT + opcodes.MARK + self._all(entries) + opcodes.SETITEMS
            case torch.Tensor():
                return self._dump(self._tensor(value))
            case Global():
                return opcodes.GLOBAL + f"{value.module}\n{value.name}\n".encode()
            case Call():
                made = self._dump(value.function) + self._dump(value.arguments) + opcodes.REDUCE
                built = value.state is not None
                return made + (self._dump(value.state) + opcodes.BUILD if built else b"")
            case Storage():
                kind = Global("torch", value.kind)
                identity = ("storage", kind, value.key, self.location, value.count)
                return self._dump(Stored(identity if self.zipped else (*identity, None)))
            case Stored():
                return self._dump(value.identity) + opcodes.BINPERSID
        raise TypeError(type(value).__name__)

    def _all(self, values):
        return b"".join(map(self._dump, values))

    def _tensor(self, value):
        value = value.detach().contiguous()
        key, count = str(94_000_000_000_000 + len(self.storages)), value.numel()
        self.storages[key] = (count, value.numpy().tobytes())
        storage = Storage(key, count, _STORAGES[value.dtype])
        size = tuple(value.shape)
        return Call(REBUILD, (storage, 0, size, value.stride(), False, OrderedDict()))


def _integer(value):
    if 0 <= value < 1 << 8:
        return opcodes.BININT1 + struct.pack("<B", value)
    if 0 <= value < 1 << 16:
        return opcodes.BININT2 + struct.pack("<H", value)
    if -(1 << 31) <= value < 1 << 31:
        return opcodes.BININT + struct.pack("<i", value)
    raw = opcodes.encode_long(value)
    return opcodes.LONG1 + bytes([len(raw)]) + raw


def _byte_string(raw):
    if len(raw) < 1 << 8:
        return opcodes.SHORT_BINSTRING + bytes([len(raw)]) + raw
    return opcodes.BINSTRING + struct.pack("<i", len(raw)) + raw


def old_file(content, *, storages=None, location="cpu"):
    """The bytes of a file in the format before zip; `storages` is of (count, content) by key."""
    pickler = Pickler(location=location)
    head = [Pickler().dumps(part) for part in (MAGIC_NUMBER, PROTOCOL_VERSION, SYSTEM)]
    body = pickler.dumps(content)
    stored = {**pickler.storages, **(storages or {})}
    tail = [struct.pack("<q", stored[key][0]) + stored[key][1] for key in sorted(stored)]
    return b"".join([*head, body, Pickler().dumps(sorted(stored)), *tail])


def zip_file(content, *, storages=None, compression=zipfile.ZIP_STORED):
    """The bytes of a file in today's format, with the same byte strings in it."""
    pickler, whole = Pickler(zipped=True), io.BytesIO()
    body = pickler.dumps(content)
    stored = {**pickler.storages, **(storages or {})}
    with zipfile.ZipFile(whole, "w", compression) as archive:
        archive.writestr("archive/data.pkl", body)
        archive.writestr("archive/byteorder", "little")
        for key, (_, raw) in stored.items():
            archive.writestr(f"archive/data/{key}", raw)
        archive.writestr("archive/version", "3\n")
    return whole.getvalue()


def write_2018(path, state_dict, *, rank1, epoch, location="cuda:0"):
    """A checkpoint of that time, as training on a GPU left it."""
    content = {"state_dict": OrderedDict(state_dict), "rank1": np.float64(rank1), "epoch": epoch}
    path.write_bytes(old_file(content, location=location))
    return path
