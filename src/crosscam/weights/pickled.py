"""Reading the pickle in a file of weights, by a machine that can build nothing but plain values.

A pickle is a program. Of its operations this machine knows those that `torch.save` writes, and of
functions those in `_CALLS`, none of which reaches beyond its arguments. What is read becomes
numbers, strings, tuples, lists, dictionaries and tensors; a `set` becomes a list, and attributes
of objects are left out. The settings of a training, an `argparse.Namespace`, are left out whole:
None stands in their place.

It is bounded, too: a pickle of any size makes at most `LONGEST` operations (a copy counts as
several), keys are strings and integers and come once, and what is named twice is copied, so that
nothing holds itself or is larger than it looks.
"""

import math
import pickletools
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import torch
from torch import Tensor

LONGEST = 1 << 22
_COST_OF_A_COPY = 16
_DEEPEST = 32
_LARGEST_BITS = 128
_MOST_DIMENSIONS = 16

FindStorage = Callable[[torch.dtype, str, int], Tensor]
"""From a type, a key and a count to the numbers that the file holds under it, of shape (count,)."""


class ForeignError(ValueError):
    """A pickle asks for something that is no part of plain tensors; `name` says for what."""

    def __init__(self, name: str) -> None:
        super().__init__(f"it asks for {name}")
        self.name = name


@dataclass(frozen=True)
class _Name:
    """A class or function that a pickle names; it is never looked up."""

    text: str


@dataclass(frozen=True)
class _NumberType:
    """What a pickle makes of `numpy.dtype`: one of `_NUMBERS`."""

    name: str


_NUMBERS = {"f2": "e", "f4": "f", "f8": "d", "i1": "b", "i2": "h", "i4": "i", "i8": "q"}
_STORAGES = {
    f"torch.{name}Storage": kind
    for name, kind in {
        "BFloat16": torch.bfloat16,
        "Bool": torch.bool,
        "Byte": torch.uint8,
        "Char": torch.int8,
        "ComplexDouble": torch.complex128,
        "ComplexFloat": torch.complex64,
        "Double": torch.float64,
        "Float": torch.float32,
        "Half": torch.float16,
        "Int": torch.int32,
        "Long": torch.int64,
        "Short": torch.int16,
    }.items()
}


def read_pickle(stream: BinaryIO, find_storage: FindStorage) -> Any:
    """The value that a pickle holds, up to its end; `stream` stands behind it then.

    Raises `ForeignError` for what is no part of plain tensors, and one of many exceptions, a
    `ValueError` where there is something to say, if the pickle is broken or beyond the bounds.
    """
    return _Machine(find_storage).run(stream)


@dataclass
class _Machine:
    """The state of a pickle that is being read."""

    find_storage: FindStorage
    stack: list[Any] = field(default_factory=list)
    marks: list[int] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)
    left: int = LONGEST

    def run(self, stream: BinaryIO) -> Any:
        for operation, argument, _ in pickletools.genops(stream):
            self._spend()
            if operation.name == "STOP":
                break
            if operation.name not in _OPERATIONS:
                raise ValueError(f"torch.save does not write the operation {operation.name}")
            _OPERATIONS[operation.name](self, argument)
        (value,) = self.stack
        return self._copied(value)

    def _spend(self, cost: int = 1) -> None:
        self.left -= cost
        if self.left < 0:
            raise ValueError(f"it has more than {LONGEST} parts, which no file of weights has")

    def _copied(self, value: Any, *, cost: int = 1, depth: int = 0) -> Any:
        self._spend(cost)
        if depth > _DEEPEST:
            raise ValueError(f"it is nested more than {_DEEPEST} deep")
        if isinstance(value, dict):
            return {
                key: self._copied(item, cost=cost, depth=depth + 1) for key, item in value.items()
            }
        if isinstance(value, (list, tuple)):
            return type(value)([self._copied(item, cost=cost, depth=depth + 1) for item in value])
        return value

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def push_number(self, value: int) -> None:
        if value.bit_length() > _LARGEST_BITS:
            raise ValueError(f"it has a number of {value.bit_length()} bits")
        self.push(value)

    def push_tuple(self, length: int) -> None:
        self.push(tuple(self._taken(len(self.stack) - length)))

    def push_marked(self, _: None) -> None:
        self.push(tuple(self._taken(self.marks.pop())))

    def mark(self, _: None) -> None:
        self.marks.append(len(self.stack))

    def _taken(self, start: int) -> list[Any]:
        if not 0 <= start <= len(self.stack):
            raise ValueError("it takes more than there is")
        taken = self.stack[start:]
        del self.stack[start:]
        return taken

    def remember(self, place: int) -> None:
        self.memo[place] = self.stack[-1]

    def recall(self, place: int) -> None:
        self.push(self._copied(self.memo[place], cost=_COST_OF_A_COPY))

    def append(self, start: int) -> None:
        items = self._taken(start)
        target = self.stack[-1]
        if type(target) is not list:
            raise ValueError(f"it appends to a {type(target).__name__}")
        target.extend(items)

    def set_items(self, start: int) -> None:
        items = self._taken(start)
        target = self.stack[-1]
        if type(target) is not dict:
            raise ValueError(f"it sets items of a {type(target).__name__}")
        for key, value in zip(items[::2], items[1::2], strict=True):
            _put(target, key, value)

    def name(self, argument: str) -> None:
        text = ".".join(argument.split(" ", 1))
        if text not in _CALLS and text not in _INERT and text not in _LEFT_OUT:
            raise ForeignError(text)
        self.push(_Name(text))

    def call(self, _: None) -> None:
        function, arguments = self._taken(len(self.stack) - 2)
        if not isinstance(function, _Name) or function.text not in _CALLS:
            what = function.text if isinstance(function, _Name) else type(function).__name__
            raise ValueError(f"it calls {what}")
        self.push(_CALLS[function.text](*arguments))

    def leave_out(self, _: None) -> None:
        """Put None in the place of an object without arguments of a class in `_LEFT_OUT`."""
        kind, arguments = self._taken(len(self.stack) - 2)
        if not isinstance(kind, _Name) or kind.text not in _LEFT_OUT or arguments != ():
            what = kind.text if isinstance(kind, _Name) else type(kind).__name__
            raise ValueError(f"it makes an object of {what}")
        self.push(None)

    def build(self, _: None) -> None:
        """Leave out the state of an object, but for the byte order of a type of numbers."""
        state = self.stack.pop()
        if isinstance(self.stack[-1], _NumberType) and state[1] not in ("<", "|", "="):
            raise ValueError(f"it has numbers of the byte order {state[1]!r}")

    def load_storage(self, _: None) -> None:
        match self.stack.pop():
            case ("storage", _Name(kind), str(key), str(), int(count)) | (
                "storage",
                _Name(kind),
                str(key),
                str(),
                int(count),
                None,
            ) if kind in _STORAGES:
                if count < 0:
                    raise ValueError(f"its storage {key} has {count} numbers")
                self.push(self.find_storage(_STORAGES[kind], key, count))
            case _:
                raise ValueError("it refers to something that is no storage of numbers")


def _put(target: dict[Any, Any], key: Any, value: Any) -> None:
    if type(key) not in (str, int):
        raise ValueError(f"one of its names is no text but {type(key).__name__}")
    if key in target:
        raise ValueError(f"it has {key!r} twice")
    target[key] = value


def _dictionary(pairs: Any = ()) -> dict[Any, Any]:
    made: dict[Any, Any] = {}
    for key, value in pairs.items() if isinstance(pairs, dict) else pairs:
        _put(made, key, value)
    return made


def _list(items: Any) -> list[Any]:
    if not isinstance(items, (list, tuple)):
        raise TypeError(f"it makes a collection of a {type(items).__name__}")
    return list(items)


def _size(items: Any) -> tuple[Any, ...]:
    return tuple(_list(items))


def _encoded(text: str, encoding: str) -> bytes:
    if encoding != "latin1":
        raise ValueError("it has bytes that are not in latin1")
    return text.encode("latin1")


def _number_type(name: str, *_: object) -> _NumberType:
    if name not in _NUMBERS:
        raise ValueError(f"it has a number of the type {name!r}")
    return _NumberType(name)


def _number(kind: _NumberType, content: str | bytes) -> float:
    raw = content.encode("latin1") if isinstance(content, str) else content
    number: float = struct.unpack("<" + _NUMBERS[kind.name], raw)[0]
    return number


def _tensor(storage: Tensor, offset: int, size: Any, stride: Any, *_: object) -> Tensor:
    """A tensor within its storage, whose numbers are each in the file."""
    numbers = (offset, *_size(size), *_size(stride))
    if any(type(number) is not int or not 0 <= number < 1 << 40 for number in numbers):
        raise ValueError("it has a tensor whose shape, strides or place are no sizes")
    if len(size) != len(stride) or len(size) > _MOST_DIMENSIONS:
        raise ValueError(f"it has a tensor of {len(size)} dimensions and {len(stride)} strides")
    count = math.prod(size)
    last = sum((length - 1) * step for length, step in zip(size, stride, strict=True))
    if count > len(storage) or offset + (last + 1 if count else 0) > len(storage):
        raise ValueError(f"a tensor of shape {tuple(size)} is more than the file holds")
    return torch.as_strided(storage, size, stride, offset)


def _parameter(data: Tensor, *_: object) -> Tensor:
    return data


def _from_type(function: _Name, _type: object, arguments: Any, *_: object) -> Tensor:
    if function != _Name("torch._utils._rebuild_tensor_v2"):
        raise ValueError("it has a tensor of a kind of its own")
    return _tensor(*arguments)


_CALLS: Mapping[str, Callable[..., Any]] = {
    "__builtin__.set": _list,
    "_codecs.encode": _encoded,
    "builtins.set": _list,
    "collections.Counter": _dictionary,
    "collections.OrderedDict": _dictionary,
    "numpy._core.multiarray.scalar": _number,
    "numpy.core.multiarray.scalar": _number,
    "numpy.dtype": _number_type,
    "torch.Size": _size,
    "torch._tensor._rebuild_from_type_v2": _from_type,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_parameter_with_state": _parameter,
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
}
_INERT = {
    *_STORAGES,
    *(str(kind) for kind in _STORAGES.values()),
    *("torch.Tensor", "torch.nn.parameter.Parameter"),
}

_LEFT_OUT = {"argparse.Namespace"}

_Operation = Callable[[_Machine, Any], None]
_OPERATIONS: Mapping[str, _Operation] = {
    "PROTO": lambda _machine, _: None,
    "MARK": _Machine.mark,
    "NONE": lambda machine, _: machine.push(None),
    "NEWTRUE": lambda machine, _: machine.push(True),
    "NEWFALSE": lambda machine, _: machine.push(False),
    "BININT": _Machine.push,
    "BININT1": _Machine.push,
    "BININT2": _Machine.push,
    "LONG1": _Machine.push_number,
    "BINFLOAT": _Machine.push,
    "BINUNICODE": _Machine.push,
    "BINSTRING": _Machine.push,
    "SHORT_BINSTRING": _Machine.push,
    "EMPTY_TUPLE": lambda machine, _: machine.push(()),
    "EMPTY_LIST": lambda machine, _: machine.push([]),
    "EMPTY_DICT": lambda machine, _: machine.push({}),
    "TUPLE": _Machine.push_marked,
    "TUPLE1": lambda machine, _: machine.push_tuple(1),
    "TUPLE2": lambda machine, _: machine.push_tuple(2),
    "TUPLE3": lambda machine, _: machine.push_tuple(3),
    "APPEND": lambda machine, _: machine.append(len(machine.stack) - 1),
    "APPENDS": lambda machine, _: machine.append(machine.marks.pop()),
    "SETITEM": lambda machine, _: machine.set_items(len(machine.stack) - 2),
    "SETITEMS": lambda machine, _: machine.set_items(machine.marks.pop()),
    "BINPUT": _Machine.remember,
    "LONG_BINPUT": _Machine.remember,
    "BINGET": _Machine.recall,
    "LONG_BINGET": _Machine.recall,
    "GLOBAL": _Machine.name,
    "NEWOBJ": _Machine.leave_out,
    "REDUCE": _Machine.call,
    "BUILD": _Machine.build,
    "BINPERSID": _Machine.load_storage,
}
