"""Which runtime auto takes, what of that is kept, and what becomes of a cache that is broken."""

import json
from dataclasses import dataclass

import onnx
import pytest
import torch

from crosscam.embedding.network import TorchNetwork
from crosscam.embedding.runtimes import choosing, conversions
from crosscam.embedding.runtimes.choosing import choose_network
from crosscam.embedding.runtimes.conversions import converted
from crosscam.embedding.runtimes.onnx_network import OnnxNetwork
from crosscam.embedding.runtimes.speeds import images_for, largest_distance, measure_speeds
from crosscam.errors import ModelError
from crosscam.weights.saved import load_saved


@dataclass
class FakeSpeeds:
    """Speeds that are said, not measured; how often they were asked for."""

    torch: float = 1.0
    onnx: float = 1.0
    openvino: float = 1.0
    asked: int = 0

    def __call__(self, networks, images):
        self.asked += 1
        return {runtime: getattr(self, runtime) for runtime in networks}


@pytest.fixture(scope="module")
def model_and_card(saved_lightres):
    return load_saved(saved_lightres)


@pytest.fixture
def choose(model_and_card, tmp_path, monkeypatch):
    """Chooses for the model, with a cache that has its conversion alone; notes come with it."""
    model, card = model_and_card
    kept = converted(model, card, on_note=lambda _: None)
    monkeypatch.setenv("CROSSCAM_CACHE", str(tmp_path / "cache"))
    conversions._keep(kept, conversions.runtimes_folder() / f"{conversions._key(card)}.onnx")

    def chosen(measure, precision="float32", model=model):
        notes = []
        network = choose_network(
            model, card, precision=precision, on_note=notes.append, measure=measure
        )
        return network, notes

    return chosen


@pytest.mark.parametrize("fastest", ["torch", "onnx", "openvino"])
def test_the_fastest_is_taken_and_remembered(choose, fastest):
    speeds = FakeSpeeds(**{fastest: 1234.0})
    network, notes = choose(speeds)
    assert network.runtime == fastest
    assert notes[-1].startswith(f"runtime {fastest} float32: 1,234 images/s, ")
    assert len(notes) == 1  # its conversion was there
    network, again = choose(speeds)
    assert (network.runtime, again, speeds.asked) == (fastest, notes, 1)


def test_what_does_not_agree_is_not_taken(choose, monkeypatch):
    def other(self, images, camids):
        return images.mean(3).flatten(1)[:, : self.feature_dim]

    monkeypatch.setattr(OnnxNetwork, "__call__", other)
    network, notes = choose(FakeSpeeds(onnx=9.0, openvino=9.0))
    assert isinstance(network, TorchNetwork)
    assert notes[-1].count("from torch") == 2


def test_facts_are_part_of_what_is_kept(choose, monkeypatch):
    speeds = FakeSpeeds(onnx=2.0)
    choose(speeds)
    torch.set_num_threads(torch.get_num_threads() + 1)
    choose(speeds)
    assert speeds.asked == 2
    monkeypatch.setattr(choosing, "device_name", lambda _: "another processor")
    choose(speeds)
    assert speeds.asked == 3
    real = choosing.versions_of
    monkeypatch.setattr(choosing, "versions_of", lambda *names: {**real(*names), "torch": "0"})
    choose(speeds)
    assert speeds.asked == 4


@pytest.mark.parametrize(
    "broken", [b"", b"{", b"[]", b'{"facts": {}, "speeds": {}, "distances": {}}', b"x" * 100_000]
)
def test_what_was_kept_and_is_broken_is_measured_again(choose, tmp_path, broken):
    speeds = FakeSpeeds(onnx=2.0)
    choose(speeds)
    (file,) = (tmp_path / "cache" / "runtimes").glob("*.json")
    whole = file.read_bytes()
    file.write_bytes(broken)
    assert choose(speeds)[0].runtime == "onnx"
    assert speeds.asked == 2
    assert file.read_bytes() == whole
    said = json.loads(whole)
    file.write_text(json.dumps({**said, "facts": {**said["facts"], "threads": 99}}))
    choose(speeds)
    assert speeds.asked == 3


def test_a_conversion_that_is_broken_is_made_again(choose, model_and_card, tmp_path, monkeypatch):
    folder = tmp_path / "cache" / "runtimes"
    (file,) = folder.glob("*.onnx")
    whole = file.read_bytes()
    asked = []

    def to_onnx(model, example):
        asked.append(example.shape)
        return onnx.ModelProto.FromString(whole)

    monkeypatch.setattr(conversions, "to_onnx", to_onnx)
    for change in (whole[:-1], b"", whole[:-1] + b"x"):
        file.write_bytes(change)
        assert converted(*model_and_card, on_note=asked.append).content == whole
        assert file.read_bytes() == whole
    assert len(asked) == 6
    file.with_suffix(".sha256").unlink()
    converted(*model_and_card, on_note=asked.append)
    assert len(asked) == 8
    converted(*model_and_card, on_note=asked.append)
    assert len(asked) == 8


def test_a_cache_that_cannot_be_written_is_said(choose, tmp_path, monkeypatch, model_and_card):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CROSSCAM_CACHE", str(tmp_path / "file"))
    monkeypatch.setattr(conversions, "_made", lambda model, card, on_note: "made")
    notes = []
    assert converted(*model_and_card, on_note=notes.append) == "made"
    assert "not kept" in notes[0]


def test_a_model_that_cannot_be_converted_runs_on_torch(choose, model_and_card, monkeypatch):
    def fails(model, example):
        raise RuntimeError("no such\noperator")

    monkeypatch.setattr(conversions, "to_onnx", fails)
    monkeypatch.setattr(conversions, "_kept", lambda *_: None)
    speeds = FakeSpeeds()
    network, notes = choose(speeds)
    assert (network.runtime, speeds.asked) == ("torch", 0)
    assert any("cannot be converted to ONNX: no such; use runtime torch" in note for note in notes)
    with pytest.raises(ModelError, match="cannot be converted"):
        converted(*model_and_card, on_note=lambda _: None)


def test_where_there_is_nothing_to_choose(choose, monkeypatch):
    speeds = FakeSpeeds(onnx=9.0)
    with monkeypatch.context() as patch:
        patch.setattr(choosing, "has_module", lambda module: module.startswith("onnxs"))
        assert choose(speeds)[0].runtime == "torch"
    monkeypatch.setattr(choosing, "resolve_autocast", lambda *_: False)
    network, notes = choose(speeds, precision="bf16")
    assert (network.runtime, network.precision) == ("torch", "bf16")
    assert (speeds.asked, notes) == (0, [])


def test_speeds_and_distances():
    images = images_for((64, 32))
    assert images.shape == (17, 3, 64, 32)
    networks = {"torch": lambda images, camids: images.mean((2, 3))}
    assert measure_speeds(networks, images, seconds=0)["torch"] > 0
    one = torch.eye(3)
    assert largest_distance(one, 2 * one) == 0
    assert largest_distance(one, one.flip(0)) == 1
    assert largest_distance(one, torch.zeros(3, 3)) == 2
    assert largest_distance(one, torch.eye(2)) == 2
