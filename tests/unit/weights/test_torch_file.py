"""Both formats of `torch.save`: every number comes from the file, and no more than it holds."""

import copy
import io
import struct
import zipfile

import pytest
import torch
from pickled_2018 import MAGIC_NUMBER, SYSTEM, Pickler, old_file, view, zip_file

from crosscam.weights.torch_file import read_torch_file

FORMATS = {"old": old_file, "zip": zip_file}
FLOATS = struct.pack("<3f", 1, 2, 3)
KINDS = [
    *(torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64),
    *(torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.bool),
]


@pytest.fixture
def read(tmp_path):
    def read(content):
        file = tmp_path / "w.pth"
        file.write_bytes(content)
        with file.open("rb") as stream:
            return read_torch_file(stream)

    return read


@pytest.mark.parametrize("is_zip", [True, False])
def test_tensors_of_every_kind_come_back(read, is_zip):
    shared = torch.arange(12.0)
    tensors = {str(kind): torch.tensor([[0, 1], [1, 0], [0, 1]]).to(kind) for kind in KINDS}
    tensors |= {"all": shared, "part": shared[2:8].view(2, 3).T, "none": torch.ones(0, 3)}
    tensors["parameter"] = torch.nn.Parameter(torch.ones(2))
    whole = io.BytesIO()
    torch.save(tensors, whole, _use_new_zipfile_serialization=is_zip)
    content = read(whole.getvalue())
    assert list(content) == list(tensors)
    for name, value in tensors.items():
        assert content[name].dtype == value.dtype
        assert torch.equal(content[name], value)
        assert not content[name].requires_grad
    assert content["part"].data_ptr() == content["all"].data_ptr() + 8


def old_with(tensor, keys, storages):
    parts = (MAGIC_NUMBER, 1001, SYSTEM, {"w": tensor}, keys)
    return b"".join([*(Pickler().dumps(part) for part in parts), *storages])


STORAGE = struct.pack("<q", 3) + FLOATS
THREE = view((3,), (1,), count=3)
OLD = {
    "a storage that is not listed": (old_with(THREE, [], []), "that it lists"),
    "a storage that nothing uses": (old_with(THREE, ["0", "1"], [STORAGE] * 2), "that it lists"),
    "a storage that is listed twice": (old_with(THREE, ["0", "0"], [STORAGE] * 2), "that it lists"),
    "a list that is none": (old_with(THREE, "0", [STORAGE]), "that it lists"),
    "a storage of another length": (
        old_with(THREE, ["0"], [struct.pack("<q", 2) + FLOATS]),
        "storage 0 is not as long as it says",
    ),
    "a storage cut short": (old_with(THREE, ["0"], [STORAGE[:-1]]), "in the middle of a tensor"),
    "a storage larger than the file": (
        old_with(view((3,), (1,), count=1 << 40), ["0"], [STORAGE]),
        "more inside than it is long",
    ),
    "no magic number": (Pickler().dumps({"w": 1}), "torch.save did not write it"),
}


@pytest.mark.parametrize("kind", OLD)
def test_an_old_file_that_does_not_hold_all_is_refused(read, kind):
    content, message = OLD[kind]
    with pytest.raises(ValueError, match=message):
        read(content)


def test_the_old_file_of_these_tests_is_whole(read):
    content = read(old_with(THREE, ["0"], [STORAGE]))
    assert content["w"].tolist() == [1, 2, 3]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("claims", [4, 2])
def test_a_storage_of_two_lengths_is_refused(read, form, claims):
    tensors = {"a": THREE, "b": view((1,), (1,), count=claims)}
    with pytest.raises(ValueError, match="of two types or lengths"):
        read(FORMATS[form](tensors, storages={"0": (3, FLOATS)}))


def zip_with(change):
    """A zip of one tensor, whose list of entries is changed before it is written."""
    whole = io.BytesIO(zip_file({"w": torch.ones(1000)}))
    with zipfile.ZipFile(whole, "a") as archive:
        archive.comment = b"so that the list is written again"
        change(archive)
    return whole.getvalue()


def again(archive, names):
    for name in names:
        entry = copy.copy(archive.getinfo("archive/data/94000000000000"))
        entry.filename = name
        archive.filelist.append(entry)


ZIPS = {
    "entries that lie on each other": (
        zip_with(lambda archive: again(archive, [f"archive/data/{n}" for n in range(3000)])),
        "more inside than it is long",
    ),
    "two entries of one name": (
        zip_with(lambda archive: again(archive, ["archive/data.pkl"])),
        "two entries of one name",
    ),
    "two contents": (
        zip_with(lambda archive: archive.writestr("other/data.pkl", b"")),
        "not one that torch.save wrote",
    ),
    "a compiled model": (
        zip_with(lambda archive: archive.writestr("archive/constants.pkl", b"")),
        "a compiled model; save the state_dict of the model instead",
    ),
    "a storage of another length": (
        zip_file({"w": THREE}, storages={"0": (3, FLOATS[:-1])}),
        "storage 0 is not as long as it says",
    ),
    "numbers with their highest byte first": (
        zip_file({"w": torch.ones(3)}).replace(
            b"archive/byteorderlittle", b"archive/byteorderbig   "
        ),
        "Bad CRC-32|highest byte first",
    ),
}


@pytest.mark.parametrize("kind", ZIPS)
def test_a_zip_that_is_not_what_it_seems_is_refused(read, kind):
    content, message = ZIPS[kind]
    with pytest.raises((ValueError, zipfile.BadZipFile), match=message):
        read(content)
