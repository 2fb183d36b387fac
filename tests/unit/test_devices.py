"""Devices and arithmetic are refused early where there are none."""

import pytest
import torch

from crosscam.devices import device_name, repeatable, resolve_autocast, resolve_device
from crosscam.errors import DeviceError

CPU = torch.device("cpu")


def test_auto_is_what_is_there():
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert resolve_device("auto").type == expected
    assert resolve_device("cpu") == CPU
    assert "(" in device_name(CPU)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cuda:77", "there is no cuda:77 here"),
        ("gpu", "unknown device 'gpu'"),
        ("", "unknown device ''"),
        ("meta", "'meta' is not supported"),
        ("cpu:3", "there is no cpu:3 here"),
    ],
)
def test_a_device_that_is_not_there(name, message):
    with pytest.raises(DeviceError, match=message):
        resolve_device(name)


def test_autocast_is_asked_for_or_native():
    assert resolve_autocast("none", CPU) is False
    assert resolve_autocast("bf16", CPU) is True


@pytest.mark.parametrize("native", [True, False])
def test_autocast_auto_is_what_the_processor_has(monkeypatch, native):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: native)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    assert resolve_autocast("auto", CPU) is native


def settings():
    return (
        torch.get_num_threads(),
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        torch.backends.cudnn.conv.fp32_precision,
        torch.backends.mkldnn.matmul.fp32_precision,
    )


def test_repeatable_arithmetic_leaves_torch_as_it_was():
    before = settings()
    with repeatable(threads=1):
        assert settings() == (1, True, True, "ieee", "ieee")
    assert settings() == before
