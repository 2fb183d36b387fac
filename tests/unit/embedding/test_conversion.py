"""Converting a network, whatever torch was told about arithmetic."""

import golden
import onnxruntime
import pytest
import torch
from timm_models import import_timm

import crosscam
from crosscam.devices import full_float32
from crosscam.embedding.conversion import to_onnx, to_program
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


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("lightres", {"pool": "gem", "learn_power": False, "projection": 32, "tested": "before"}),
        ("timm/test_vit:size=64x32", {"pool": "attention", "classifier": "circle"}),
    ],
)
def test_models_with_heads_become_onnx(name, head):
    import_timm()
    model = golden.fill(crosscam.create_model(name, num_classes=3, head=head)).eval()
    content = to_onnx(model, torch.zeros(2, 3, 64, 32)).SerializeToString()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    images = golden.images(3, 64, 32)
    (features,) = session.run(None, {session.get_inputs()[0].name: images.numpy()})
    with torch.inference_mode():
        torch.testing.assert_close(torch.from_numpy(features), model(images), rtol=1e-4, atol=1e-5)
