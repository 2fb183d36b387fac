"""Speeds of a model on each runtime, and what is said of those that are left out."""

import torch
from onnx_files import colour_model

from crosscam.embedding.runtimes import side_by_side
from crosscam.embedding.runtimes.side_by_side import runtime_speeds
from crosscam.errors import ExtraError
from crosscam.models.registry import build_model

SIZE = (64, 32)


def shrunk():
    model = build_model("lightres", num_classes=2)
    model.input_size = SIZE
    return model


def test_speeds_of_each_runtime(monkeypatch):
    monkeypatch.setattr(side_by_side, "to_onnx", lambda *_: colour_model())
    monkeypatch.setattr(side_by_side, "resolve_autocast", lambda *_: False)
    speeds, missing = runtime_speeds(shrunk(), name="lightres", seconds=0)
    assert list(speeds) == ["onnx", "openvino"]
    assert all(speed > 0 for speed in speeds.values())
    assert list(missing) == ["bf16"]


def test_what_cannot_be_had_is_said(monkeypatch):
    def fails(network, example):
        assert example.shape == (2, 3, *SIZE)
        raise ExtraError("not installed")

    monkeypatch.setattr(side_by_side, "to_onnx", fails)
    monkeypatch.setattr(side_by_side, "resolve_autocast", lambda *_: True)
    with torch.no_grad():
        speeds, missing = runtime_speeds(shrunk(), name="lightres", seconds=0)
    assert list(speeds) == ["torch bf16"]
    assert missing == dict.fromkeys(["onnx", "openvino", "openvino bf16"], "not installed")
