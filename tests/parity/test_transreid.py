"""Our transformer beside TransReID's own code.

`transreid.npz` holds what `model/make_model.py` of github.com/damo-cv/TransReID at commit dec55046
gives for 48 features, 3 blocks and 4 heads without drop path, filled as `golden` fills models by
our names: "full" with stride 12, three cameras and the jigsaw branch (`build_transformer_local`),
"plain" without any of these (`build_transformer`); its `resize_pos_embed` of 14 x 14 to 21 x 10;
and "stem" the convolutional stem of github.com/damo-cv/TransReID-SSL at fc39e882
(`transreid_pytorch/model/backbones/vit_pytorch.py`), 16 wide, for 64 x 32 pixels.
"""

import golden
import numpy as np
import pytest
import torch

from crosscam.models.positions import resize_positions
from crosscam.models.switches import Wanted
from crosscam.models.vit import SWITCHES, Shape, ViT
from crosscam.models.vit_blocks import Block, ConvolutionStem

CAMIDS = torch.tensor([0, 2, 1, 2])
FULL = {"patch_stride": "12", "cameras": "yes", "jigsaw": "yes"}


@pytest.fixture(scope="module")
def theirs():
    return golden.load("transreid")


@pytest.fixture(params=["full", "plain"])
def which(request):
    return request.param


@pytest.fixture
def model(which):
    plain = {key: values[0] for key, values in SWITCHES.items()}
    wanted = Wanted(4, 3, plain | (FULL if which == "full" else {}))
    made = golden.fill(ViT(wanted, shape=Shape(48, depth=3, heads=4, hidden=96)))
    for module in made.modules():
        if isinstance(module, Block):
            module.drop = 0.0
    return made


def close(ours, expected):
    np.testing.assert_allclose(ours.detach().numpy(), expected, rtol=1e-5, atol=1e-5)


def test_features_are_theirs(which, model, theirs):
    with torch.inference_mode():
        close(model.eval()(golden.images(4, 256, 128), CAMIDS), theirs[f"{which}.eval"])


def test_what_losses_see_and_the_gradients_are_theirs(which, model, theirs):
    output = model.train()(golden.images(4, 256, 128), CAMIDS)
    compared = output.compared or (output.features,)
    shares = output.shares or (1.0,)
    close(torch.stack(output.logits), theirs[f"{which}.logits"])
    close(torch.stack(compared), theirs[f"{which}.compared"])
    assert sum(shares) == 1
    parts = zip(shares, output.logits, compared, strict=True)
    sum(share * (a.square().mean() + b.square().mean()) for share, a, b in parts).backward()
    gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
    asked = [name for name in theirs if name.startswith(f"{which}.grad.")]
    assert len(asked) >= 9
    for name in asked:
        close(gradients[name.removeprefix(f"{which}.grad.")], theirs[name])
    norms = [gradients[name].double().norm().item() for name in sorted(gradients)]
    np.testing.assert_allclose(norms, theirs[f"{which}.norms"], rtol=1e-5)


def test_positions_are_resized_as_theirs(theirs):
    given = torch.from_numpy(golden.filled("pos_embed", (1, 197, 4)))
    close(resize_positions(given, (14, 14), (21, 10)), theirs["resized"])


def test_the_convolutional_stem_is_theirs(theirs):
    stem = golden.fill(ConvolutionStem(16)).eval()
    tokens = stem(golden.images(2, 64, 32)).flatten(2).transpose(1, 2)
    close(tokens, theirs["stem"])
