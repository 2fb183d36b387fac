"""Finding the tensors in a file, wherever its makers put them, or saying why there are none."""

import json
import os
import struct

import pytest
import torch
from safetensors.torch import save_file

from crosscam.errors import WeightsError
from crosscam.weights.reading import read_checkpoint, read_weights

WEIGHTS = {"a.weight": torch.ones(2, 3), "a.bias": torch.zeros(2)}
OTHERS = {"a.weight": torch.zeros(2, 3), "a.bias": torch.ones(2)}
OPTIMIZER = {
    "state": {0: {"step": torch.tensor(3.0), "exp_avg": torch.ones(2)}},
    "param_groups": [{"lr": 0.1, "betas": (0.9, 0.999), "params": [0]}],
}
PLACES = {
    "": WEIGHTS,
    "state_dict": {"state_dict": WEIGHTS, "epoch": 3, "rank1": 0.5},
    "model": {"model": WEIGHTS, "optimizer": OPTIMIZER, "epoch": 3, "rank1": 0.5},
    "net_dict": {"net_dict": WEIGHTS, "epoch": 3, "rank1": 0.5},
    "state_dict_ema": {"state_dict_ema": WEIGHTS, "arch": "x", "epoch": 3, "rank1": 0.5},
    "model.ema.net": {"model": {"ema": {"net": WEIGHTS}}, "epoch": 3, "rank1": 0.5},
    "net": {"net": WEIGHTS, "iteration": torch.tensor(7), "epoch": 3, "rank1": 0.5},
}
MORE = {
    "state_dict": {"state_dict": WEIGHTS, "state_dict_ema": OTHERS},
    "model": {"model": WEIGHTS, "centers": {"centers": torch.ones(2)}, "best": {"model": OTHERS}},
}


@pytest.mark.parametrize("under", PLACES)
def test_weights_are_found_where_they_are_alone(tmp_path, under):
    torch.save(PLACES[under], tmp_path / "w.pth")
    checkpoint = read_checkpoint(tmp_path / "w.pth")
    assert checkpoint.under == under
    assert checkpoint.weights.keys() == WEIGHTS.keys()
    assert torch.equal(checkpoint.weights["a.weight"], WEIGHTS["a.weight"])
    assert checkpoint.notes == ({"epoch": 3, "rank1": 0.5} if under else {})


@pytest.mark.parametrize("under", MORE)
def test_of_several_the_usual_name_is_taken(tmp_path, under):
    torch.save(MORE[under], tmp_path / "w.pth")
    checkpoint = read_checkpoint(tmp_path / "w.pth")
    assert checkpoint.under == under
    assert torch.equal(checkpoint.weights["a.weight"], WEIGHTS["a.weight"])


def test_of_several_without_it_none_is_taken(tmp_path):
    torch.save({"ema": WEIGHTS, "net": OTHERS}, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=r"holds 2 sets of weights \(ema, net\); save the one"):
        read_weights(tmp_path / "w.pth")


@pytest.mark.parametrize("content", [{}, {"optimizer": OPTIMIZER}, {"model": {}}, [WEIGHTS], 3])
def test_a_file_without_weights_says_so(tmp_path, content):
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match="holds no state_dict: (dict|list|int) at its top"):
        read_weights(tmp_path / "w.pth")


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
def test_only_plain_files_are_opened(tmp_path, name):
    file = tmp_path / name
    os.mkfifo(file)
    with pytest.raises(WeightsError, match="not a plain file"):
        read_weights(file)
    file.unlink()
    file.symlink_to("/dev/zero")
    with pytest.raises(WeightsError, match="not a plain file"):
        read_weights(file)
    file.unlink()
    file.mkdir()
    with pytest.raises(WeightsError, match="no such weight file"):
        read_weights(file)


def with_header(file, header):
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    file.write_bytes(struct.pack("<Q", len(raw)) + raw + bytes(8))
    return file


def entry(**changes):
    return {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **changes}}


HEADERS = {
    "a huge size": entry(shape=[10**30]),
    "sizes whose product is beyond counting": entry(shape=[1 << 40, 1 << 40]),
    "a negative size": entry(shape=[-2]),
    "a size that is no integer": entry(shape=[2.5]),
    "an end beyond the file": entry(data_offsets=[0, 1 << 50]),
    "an end beyond counting": entry(data_offsets=[0, 10**30]),
    "a number of many digits": b'{"a":' + b"9" * 100_000 + b"}",
    "a number beyond floats": b'{"a":1e999}',
    "lists in lists without end": b"[" * 100_000 + b"]" * 100_000,
    "a header of many megabytes": b" " * (1 << 23),
    "two of one name": b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},'
    b'"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}',
}


@pytest.mark.parametrize("kind", HEADERS)
def test_absurd_headers_of_safetensors_are_refused(tmp_path, kind):
    file = with_header(tmp_path / "w.safetensors", HEADERS[kind])
    with pytest.raises(WeightsError, match="is not a file of weights, or is broken"):
        read_weights(file)


def test_the_header_of_these_tests_is_whole(tmp_path):
    file = with_header(tmp_path / "w.safetensors", entry())
    assert read_weights(file)["a"].tolist() == [0, 0]
    save_file(WEIGHTS, file)
    assert read_weights(file).keys() == WEIGHTS.keys()
