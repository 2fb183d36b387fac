"""A file of weights that is changed anywhere gives a model or is refused, and nothing else."""

import io
import json
import pickle as opcodes
import zipfile

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pickled_2018 import DTYPE, REBUILD, SCALAR, Call, Global, Pickler, number, old_file, zip_file
from safetensors.torch import save
from tiny import card
from torch import nn

from crosscam.errors import WeightsError
from crosscam.models.base import ReIDModel
from crosscam.weights.fitting import fit_weights
from crosscam.weights.reading import read_weights
from crosscam.weights.saved import CARD_FILE, read_card


class Tiny(ReIDModel):
    """Two layers, one of them a classifier."""

    feature_dim, num_classes, input_size = 3, 2, (4, 4)

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 3)
        self.classifier = nn.Linear(3, 2)


WEIGHTS = {name: value.detach() for name, value in Tiny().state_dict().items()}
CONTENT = {"state_dict": WEIGHTS, "rank1": number(torch.tensor(0.5).double().numpy()[()])}
CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["set", "flip", "cut", "insert", "repeat"]),
        st.integers(0, 1 << 16),
        st.integers(0, 255),
    ),
    min_size=1,
    max_size=4,
)


def changed(content, changes):
    content = bytearray(content)
    for kind, where, value in changes:
        place = where % (len(content) + 1)
        if kind == "set":
            content[place : place + 1] = bytes([value])
        elif kind == "flip":
            content[place : place + 1] = bytes(b ^ 1 << value % 8 for b in content[place:][:1])
        elif kind == "cut":
            del content[place : place + value]
        elif kind == "insert":
            content[place:place] = bytes([value]) * (value % 9)
        else:
            content[place:place] = content[place : place + value]
    return bytes(content)


def packed(changes):
    """A zip whose pickle is changed, and whose checksums are right."""
    pickler = Pickler(zipped=True)
    body, whole = pickler.dumps(CONTENT), io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr("archive/data.pkl", changed(body, changes))
        for key, (_, raw) in pickler.storages.items():
            archive.writestr(f"archive/data/{key}", raw)
    return whole.getvalue()


FILES = {
    "old.pth": lambda changes: changed(old_file(CONTENT), changes),
    "zip.pth": lambda changes: changed(zip_file(CONTENT), changes),
    "pickle.pth": packed,
    "w.safetensors": lambda changes: changed(save(WEIGHTS), changes),
}


def refusal_of(use):
    """The line in which `use` is refused, "" if it is not."""
    try:
        use()
    except WeightsError as refusal:
        return str(refusal)
    return ""


def used_or_refused(file):
    model = Tiny()
    refusal = refusal_of(lambda: fit_weights(model, read_weights(file), source=str(file)))
    assert refusal == "" or refusal.startswith(f"{file} ")
    assert refusal.isprintable()
    assert len(refusal) < 700
    assert all(bool(torch.isfinite(value).all()) for value in model.state_dict().values())
    return not refusal


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("changed")


@pytest.mark.parametrize("name", FILES)
def test_the_files_are_used_unchanged(folder, name):
    (folder / name).write_bytes(FILES[name]([]))
    assert used_or_refused(folder / name)


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=150)
@given(changes=CHANGES)
def test_changed_files_are_used_or_refused(folder, name, changes):
    (folder / name).write_bytes(FILES[name](changes))
    used_or_refused(folder / name)


OPERATIONS = st.one_of(
    st.sampled_from(
        [
            *(opcodes.MARK, opcodes.NONE, opcodes.NEWTRUE, opcodes.EMPTY_TUPLE, opcodes.EMPTY_DICT),
            *(opcodes.EMPTY_LIST, opcodes.TUPLE, opcodes.TUPLE1, opcodes.TUPLE2, opcodes.TUPLE3),
            *(opcodes.APPEND, opcodes.APPENDS, opcodes.SETITEM, opcodes.SETITEMS, opcodes.REDUCE),
            *(opcodes.BUILD, opcodes.BINPERSID, opcodes.POP, opcodes.DUP, opcodes.NEWOBJ),
            *(opcodes.BINPUT + b"\0", opcodes.BINPUT + b"\1", opcodes.BINGET + b"\0"),
            *(opcodes.BINGET + b"\1", opcodes.BININT1 + b"\3", opcodes.BININT + b"\xff" * 4),
        ]
    ),
    st.sampled_from(
        [
            *(REBUILD, SCALAR, DTYPE, Global("torch", "FloatStorage"), Global("torch", "Tensor")),
            *(Global("collections", "OrderedDict"), Global("collections", "Counter")),
            *(Global("torch", "Size"), Global("_codecs", "encode"), Global("__builtin__", "set")),
            *(Global("torch._tensor", "_rebuild_from_type_v2"), "storage", "0", "f8", "latin1"),
            *(torch.ones(2), Call(Global("torch", "Size"), ([2],)), 1 << 100, 0.5),
        ]
    ).map(lambda value: Pickler(zipped=True).dumps(value)[2:-1]),
)


@settings(max_examples=300)
@given(st.lists(OPERATIONS, max_size=30))
def test_any_program_is_refused_or_used(folder, operations):
    file = folder / "program.pth"
    file.write_bytes(zip_file(b"".join(operations), storages={"0": (2, bytes(8))}))
    used_or_refused(file)


CARD = json.dumps(
    card(Tiny(), weights_sha256="0" * 64).model_dump(mode="json"), separators=(",", ":")
).encode()


@settings(max_examples=150)
@given(CHANGES)
def test_changed_cards_are_read_or_refused(folder, changes):
    (folder / CARD_FILE).write_bytes(changed(CARD, changes))
    refusal = refusal_of(lambda: read_card(folder))
    assert refusal.isprintable()
    assert len(refusal) < 500


def test_the_card_is_read_unchanged(folder):
    (folder / CARD_FILE).write_bytes(CARD)
    assert refusal_of(lambda: read_card(folder)) == ""
