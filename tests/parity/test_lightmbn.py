"""LightMBN against its authors' own code, and its start from OSNet's weights.

`lightmbn.npz` was made by jixunbo/LightMBN (1f4ec0d, model/lmbn_n.py) with the weights of
`golden.fill`, in training mode with its normalisations as in eval mode: logits, every fourth
feature (those of eval mode of length 1 for each branch, branch after branch), and the SHA-256 of
its names and shapes.
"""

import hashlib

import golden
import pytest
import torch

import crosscam
from crosscam.errors import WeightsError
from crosscam.models.lightmbn import drop_best_rows, halves
from crosscam.models.registry import outline_model
from crosscam.weights.fitting import present_names

EXPECTED = golden.load("lightmbn")
ENDS = ("_0", "_4", "_1", "_2", "_3", "_ch_0", "_ch_1")
LAYERS = {
    "stem.": "backone.",
    "whole.": "global_branch.",
    "parts.": "partial_branch.",
    "channels.": "channel_branch.",
    "refine.": "batch_drop_block.drop_batch_bottleneck.",
    **{f"reductions.{i}.": f"reduction{end}.reduction." for i, end in enumerate(ENDS)},
    **{f"necks.{i}.norm.": f"reduction{end}.bn." for i, end in enumerate(ENDS)},
    **{f"classifiers.{i}.": f"reduction{end}.classifier." for i, end in enumerate(ENDS)},
    "shared.": "shared.",
}


@pytest.fixture(scope="module")
def model():
    return golden.fill(crosscam.create_model("lightmbn_osnet", num_classes=5))


def published(state):
    """The entries of a model's weights under the authors' names, with the shifts that stay 0."""
    file = {}
    for name, value in state.items():
        own = next(start for start in LAYERS if name.startswith(start))
        file[LAYERS[own] + name.removeprefix(own)] = value
    return file | {f"reduction{end}.bn.bias": torch.zeros(512) for end in ENDS}


def test_features_logits_and_what_is_compared_are_theirs(model):
    images = golden.images(4, 128, 64)
    with torch.inference_mode():
        features = model.eval()(images)
        output = golden.frozen_train(model)(images)
    for ours, theirs in (
        (features[:, ::4], "features"),
        (torch.stack(output.logits), "logits"),
        (torch.stack(output.compared)[:, :, ::4], "compared"),
    ):
        torch.testing.assert_close(ours, torch.from_numpy(EXPECTED[theirs]), rtol=1e-5, atol=1e-5)
    assert features.shape == (4, model.feature_dim)
    lengths = features.view(4, 7, 512).norm(dim=2)
    torch.testing.assert_close(lengths, torch.ones(4, 7))


def test_their_names_are_understood_and_are_all(model):
    file = published(model.state_dict())
    lines = sorted(f"{name} {tuple(value.shape)}" for name, value in file.items())
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest() == str(EXPECTED["names"])
    names = present_names(file, model.former_names).keys()
    assert names == model.state_dict().keys() | model.constants.keys()


def test_it_has_as_many_parameters_as_theirs():
    outline = outline_model("lightmbn_osnet", num_classes=751)
    learned = sum(parameter.numel() for parameter in outline.parameters())
    assert learned == 9_148_696  # theirs has 9,152,280, of which 7 x 512 are shifts that stay 0


def test_a_file_of_theirs_can_be_loaded(model, tmp_path):
    torch.save(published(model.state_dict()), tmp_path / "model.pth")
    other = crosscam.create_model("lightmbn_osnet", num_classes=9, weights=tmp_path / "model.pth")
    images = golden.images(2, 64, 32)
    with torch.inference_mode():
        assert torch.equal(other.eval()(images), model.eval()(images))
    assert other.classifiers[6].weight.shape == (9, 512)


def test_it_starts_from_osnets_imagenet_weights_in_each_branch(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(WeightsError, match=r"of osnet_x1_0 must be fetched by hand.*osnet_x1_0_im"):
        crosscam.create_model("lightmbn_osnet", num_classes=2, weights="imagenet")
    osnet = golden.fill(crosscam.create_model("osnet_x1_0", num_classes=1000))
    file = tmp_path / "checkpoints" / "osnet_x1_0_imagenet.pth"
    file.parent.mkdir()
    torch.save({f"module.{name}": value for name, value in osnet.state_dict().items()}, file)
    started = crosscam.create_model("lightmbn_osnet", num_classes=2, weights="imagenet")
    state, images = osnet.state_dict(), golden.images(1, 64, 32)
    osnet.eval()
    with torch.inference_mode():
        middle = osnet.conv3[0](osnet.conv2(osnet.maxpool(osnet.conv1(images))))
        last = osnet.conv5(osnet.conv4(osnet.conv3[2](osnet.conv3[1](middle))))
        assert torch.equal(started.eval().stem(images), middle)
        assert all(
            torch.equal(branch(middle), last)
            for branch in (started.whole, started.parts, started.channels)
        )
    torch.save({name: value for name, value in state.items() if "conv4" not in name}, file)
    with pytest.raises(WeightsError, match="lacks: whole.1"):
        crosscam.create_model("lightmbn_osnet", num_classes=2, weights="imagenet")


@pytest.mark.parametrize(("height", "dropped"), [(2, 1), (16, 5), (24, 8)])
def test_the_rows_with_the_most_active_places_are_dropped(height, dropped):
    x = torch.randn(3, 5, height, 4, generator=torch.Generator().manual_seed(1))
    hidden = drop_best_rows(x)
    for before, after in zip(x, hidden, strict=True):
        activity = [
            max(float((before[:, r, c] ** 2).sum()) for c in range(4)) for r in range(height)
        ]
        best = sorted(range(height), key=lambda row: -activity[row])[:dropped]
        for row in range(height):
            expected = torch.zeros(5, 4) if row in best else before[:, row]
            assert torch.equal(after[:, row], expected)


@pytest.mark.parametrize("height", [4, 5])
def test_halves_are_those_of_adaptive_pooling(height):
    x = torch.randn(2, 3, height, 4)
    expected = torch.nn.functional.adaptive_avg_pool2d(x, (2, 1)).flatten(2)
    found = torch.stack([half.mean(dim=(2, 3)) for half in halves(x)], dim=2)
    torch.testing.assert_close(found, expected)
