"""Converting a network, whatever torch was told about arithmetic."""

import pytest
import torch

from crosscam.devices import full_float32
from crosscam.embedding.conversion import to_program
from crosscam.errors import ModelError


class Doubling(torch.nn.Module):
    def forward(self, images):
        return images.flatten(1) * 2


class Choosing(torch.nn.Module):
    def forward(self, images):
        return images if images.sum() > 0 else -images


def flags():
    cudnn = torch.backends.cudnn
    return cudnn.allow_tf32, cudnn.conv.fp32_precision, cudnn.rnn.fp32_precision


def test_torch_is_left_as_it_was_and_full_float32_is_no_hindrance():
    before = flags()
    with full_float32():
        within = torch.backends.cudnn.conv.fp32_precision
        program = to_program(Doubling().eval(), torch.zeros(2, 3, 4, 4))
        assert torch.backends.cudnn.conv.fp32_precision == within == "ieee"
    assert flags() == before
    for count in (1, 5):
        images = torch.randn(count, 3, 4, 4)
        assert torch.equal(program.module()(images), images.flatten(1) * 2)


def test_a_network_that_cannot_be_converted_is_refused_in_a_line():
    with pytest.raises(
        ModelError, match=r"^torch cannot convert this network to torch\.export: .+$"
    ):
        to_program(Choosing().eval(), torch.zeros(2, 3, 4, 4))
