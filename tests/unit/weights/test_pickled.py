"""A pickle gives plain values and tensors, or is refused within bounds."""

import io
import pickle
from collections import Counter, OrderedDict

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pickled_2018 import REBUILD, Call, Global, Pickler, Storage, Stored, number, view

from crosscam.errors import WeightsError
from crosscam.weights.pickled import ForeignError, read_pickle
from crosscam.weights.reading import load_tensors

NUMBERS = torch.arange(6.0)


def storage(kind, key, count):
    """The six numbers from 0 to 5 are all that there is."""
    assert (kind, key, count) == (torch.float32, "0", 6)
    return NUMBERS


def read(content):
    return read_pickle(io.BytesIO(content), storage)


def made(value):
    return Pickler(zipped=True).dumps(value)


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(1 << 120), 1 << 120)
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
)
KEYS = st.integers(0, 9) | st.text(max_size=3)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(KEYS, inner, max_size=4)
        | inner.map(lambda shared: [shared, shared])
    ),
    max_leaves=10,
)


@settings(max_examples=30)
@given(VALUES)
def test_plain_values_come_back(value):
    assert read(pickle.dumps(value, 2)) == value


def test_collections_become_plain_ones():
    value = [OrderedDict(a=1), Counter("aab"), {3}, torch.Size((1, 2)), b"\xff\x00"]
    assert read(pickle.dumps(value, 2)) == [{"a": 1}, {"a": 2, "b": 1}, [3], (1, 2), b"\xff\x00"]


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.int64, np.int8])
def test_numbers_of_numpy_become_plain_ones(kind):
    assert read(made(number(kind(7)))) == 7


def test_what_follows_a_pickle_is_left():
    stream = io.BytesIO(made(1) + made(2) + b"rest")
    assert [read_pickle(stream, storage), read_pickle(stream, storage)] == [1, 2]
    assert stream.read() == b"rest"


def test_a_tensor_is_seen_in_its_storage():
    tensor = Call(REBUILD, (Storage("0", 6), 1, (2, 2), (1, 2), False, OrderedDict()))
    parameter = Call(Global("torch._utils", "_rebuild_parameter"), (tensor, True, OrderedDict()))
    assert torch.equal(read(made(parameter)), torch.tensor([[1.0, 3.0], [2.0, 4.0]]))
    assert read(made(view((0, 5), (5, 1), count=6))).shape == (0, 5)


def nested(depth):
    """A tuple that holds a tuple twice, and so on: 2 to the `depth` when written out."""
    pairs = b"".join(b"h%ch%c\x86q%c" % (n, n, n + 1) for n in range(depth))
    return b")q\x00" + pairs


PAIR = b"U\x01aK\x01"
REFUSED = {
    "a key that is a tuple nested in itself": (
        b"\x80\x02}" + nested(60) + b"K\x01s.",
        "more than 4194304 parts",
    ),
    "a value that is a tuple nested in itself": (
        b"\x80\x02" + nested(60) + b".",
        "more than 4194304 parts",
    ),
    "a list that holds itself": (b"\x80\x02]q\x00" + b"h\x00a" * 40 + b".", "parts"),
    "a list nested in lists": (b"\x80\x02" + b"]" * 40 + b"a" * 39 + b".", "more than 32 deep"),
    "a long list many times": (
        b"\x80\x02]q\x00(" + b"N" * 1000 + b"e" + b"h\x00" * 300 + b".",
        "more than 4194304 parts",
    ),
    "a key twice": (b"\x80\x02}(" + PAIR * 2 + b"u.", "it has 'a' twice"),
    "a key twice in an ordered dictionary": (
        made(Call(Global("collections", "OrderedDict"), ([["a", 1], ["a", 2]],))),
        "it has 'a' twice",
    ),
    "a key that is no text": (made({None: 1}), "no text but NoneType"),
    "a key that is a tuple": (made({(1, 2): 1}), "no text but tuple"),
    "a key that is a truth, and so equal to 1": (made({True: 1}), "no text but bool"),
    "a key without a value": (b"\x80\x02}(" + PAIR + b"K\x01u.", "zip"),
    "a number of many digits": (pickle.dumps(1 << 200, 2), "a number of 201 bits"),
    "a tensor that is not filled": (
        made(Call(Global("torch", "Tensor"), (128, 128, 3, 3))),
        "it calls torch.Tensor",
    ),
    "a storage that is not filled": (
        made(Call(Global("torch", "FloatStorage"), (1000,))),
        "it calls torch.FloatStorage",
    ),
    "a call of what is no function": (made(Call(5, ())), "it calls int"),
    "bytes of another encoding": (
        made(Call(Global("_codecs", "encode"), ("a", "rot13"))),
        "not in latin1",
    ),
    "a number with its highest byte first": (
        made(Call(Global("numpy", "dtype"), ("f8", 0, 1), (3, ">"))),
        "byte order",
    ),
    "a storage that is a module": (made(Stored(("module", "a", "b", "c"))), "no storage"),
    "a negative storage": (made(view((1,), (1,), count=-1)), "has -1 numbers"),
    "a tensor beyond its storage": (made(view((4,), (2,), count=6)), "more than the file"),
    "a tensor larger than its storage": (made(view((7,), (0,), count=6)), "more than the file"),
    "a negative stride": (made(view((2,), (-1,), count=6)), "are no sizes"),
    "a size that is a truth": (made(view((True,), (1,), count=6)), "are no sizes"),
    "a size beyond counting": (made(view((0, 1 << 60), (1, 1), count=6)), "are no sizes"),
    "too few strides": (made(view((2, 2), (1,), count=6)), "2 dimensions and 1 strides"),
    "too many dimensions": (made(view((1,) * 40, (1,) * 40, count=6)), "40 dimensions"),
    "an operation of later protocols": (pickle.dumps("a", 4), "the operation FRAME"),
    "an operation of an extension": (b"\x80\x02\x82\x01.", "the operation EXT1"),
    "more taken than there is": (b"\x80\x02K\x01\x87.", "takes more than there is"),
    "items of a tuple": (b"\x80\x02)K\x01a.", "appends to a tuple"),
    "entries of a list": (b"\x80\x02](" + PAIR + b"u.", "sets items of a list"),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_beyond_the_bounds_is_refused(kind):
    content, message = REFUSED[kind]
    with pytest.raises(ValueError, match=message):
        read(content)


def test_what_is_no_part_of_tensors_is_named():
    with pytest.raises(ForeignError, match=r"it asks for os.system") as caught:
        read(made(Global("os", "system")))
    assert caught.value.name == "os.system"


def test_a_name_with_a_backslash_is_no_name(tmp_path):
    """Which Python warns of, where it reads one for the eye."""
    file = tmp_path / "w.pth"
    file.write_bytes(b"\x80\x02cto\\erch\nTensor\n.")
    with pytest.raises(WeightsError, match="it asks for"):
        load_tensors(file)


def test_a_storage_that_is_shared_is_found_once_a_use():
    tensors = read(made([view((6,), (1,), count=6), view((2,), (1,), count=6)]))
    assert tensors[0].data_ptr() == tensors[1].data_ptr() == NUMBERS.data_ptr()
