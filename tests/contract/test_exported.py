"""Every registered model as ONNX: what ONNX Runtime makes of it at batch 1, 2 and 17."""

import golden
import pytest
import torch
from timm_models import BACKBONES, import_timm

import crosscam
from crosscam.embedding.conversion import OPSET, to_onnx
from crosscam.embedding.network import TorchNetwork
from crosscam.embedding.runtimes.onnx_file import check_onnx
from crosscam.embedding.runtimes.onnx_network import OnnxNetwork
from crosscam.export.check import BATCHES, LARGEST_DISTANCE, cosine_distance

SMALLER = (128, 64)  # than most models are designed for, which changes nothing but the time
# A small one of the same parts is exported in tests/unit/export/test_camera_models.py.
LARGER = {"vit_base", "vit_small", "vit_small_d8"}
OWN_SIZE = ("hacnn", "timm/test_vit:size=128x64")


@pytest.mark.parametrize("name", [*sorted({*crosscam.list_models()} - LARGER), BACKBONES[2]])
def test_it_does_the_same_at_every_batch(name):
    if name in BACKBONES:
        import_timm()
    model = golden.fill(crosscam.create_model(name, num_classes=6)).eval()
    images = golden.images(17, *(model.input_size if name in OWN_SIZE else SMALLER))
    converted = to_onnx(model, images[:2])
    assert [(one.domain, one.version) for one in converted.opset_import] == [("", OPSET)]
    run = OnnxNetwork(check_onnx(converted, None, name), runtime="onnx", size=images.shape[2:])
    expected = TorchNetwork(model)(images, None)
    for size in BATCHES:
        found = torch.cat([run(part, None) for part in images.split(size)])
        assert cosine_distance(found, expected) < LARGEST_DISTANCE
