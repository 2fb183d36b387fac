"""Heads beside those of FastReID and of Luo et al., run by their own code, gradients and all.

`heads.npz` was made by running heads of JDAI-CV/fast-reid (c9bc3ce,
fastreid/modeling/heads/embedding_head.py) and of michuanhaohao/reid-strong-baseline (3da7e6f,
modeling/baseline.py) on the maps below, with the weights that `golden.filled` gives under our names
and GeM's power 2.5 or 3. What they give in training mode goes into cross entropy and the mean of
squared features, of whose sum the gradients are. `*_std` is at what their layers are drawn.
"""

import golden
import numpy as np
import pytest
import torch

import crosscam
from crosscam.losses.margins import MARGINS
from crosscam.models.base import ReIDModel
from crosscam.models.heads import HeadedModel
from crosscam.settings.head import Head

EXPECTED = golden.load("heads")
LABELS = torch.tensor([0, 0, 1, 1, 2, 4])
HEADS = {
    "bot": Head(),
    "sbs": Head(pool="gem", power=2.5, classifier="circle", compared="after"),
    "arcface": Head(
        pool="gem",
        learn_power=False,
        projection=8,
        classifier="arcface",
        scale=32.0,
        compared="after",
    ),
    "cosface": Head(pool="max", projection=8, classifier="cosface", scale=16.0, compared="after"),
    "luo_after": Head(name="bnneck"),
    "luo_before": Head(tested="before"),
}


class GivenMaps(ReIDModel):
    """A network whose images are maps."""

    num_classes, input_size, map_dim = 5, (4, 2), 12

    def forward_map(self, images):
        return images


def given_maps():
    maps = np.random.default_rng(20).standard_normal((6, 12, 4, 2))
    return torch.from_numpy(np.maximum(maps, 0).astype(np.float32)).requires_grad_()


def filled(head):
    model = golden.fill(HeadedModel(GivenMaps(), head))
    if head.learn_power:
        model.pool.p.data.fill_(head.power)
    return model


@pytest.mark.parametrize("case", HEADS)
def test_features_logits_and_gradients_are_theirs(case):
    head, maps = HEADS[case], given_maps()
    model = filled(head)
    tested = model.eval()(maps)
    output = model.train()(maps)
    logits = output.logits[0]
    if head.gives_cosines:
        logits = MARGINS[head.classifier](logits, LABELS, scale=head.scale, margin=head.margin)
    loss = torch.nn.functional.cross_entropy(logits, LABELS) + output.features.square().mean()
    loss.backward()
    found = {
        "tested": tested,
        "compared": output.features,
        "logits": logits,
        "map_grad": maps.grad,
        "classifier_grad": model.classifier.weight.grad,
        "norm_grad": model.neck.norm.weight.grad,
        "running_mean": model.neck.norm.running_mean,
        "running_var": model.neck.norm.running_var,
    }
    if head.projection is not None:
        found["projection_grad"] = model.projection.weight.grad
    if head.learn_power:
        found["power_grad"] = model.pool.p.grad
    theirs = {name for name in EXPECTED if name.startswith(f"{case}/")}
    assert theirs == {f"{case}/{name}" for name in found}
    for name, value in found.items():
        expected = torch.from_numpy(EXPECTED[f"{case}/{name}"])
        error = (value.detach() - expected).abs().max() / expected.abs().max()
        assert error < 1e-5, name


def test_layers_are_drawn_as_theirs():
    torch.manual_seed(1)
    stds = []
    for head in (Head(), Head(classifier="circle", projection=256)):
        model = crosscam.create_model("resnet18", num_classes=4000, head=head)
        stds.append(model.classifier.weight.std().item())
    stds.append(model.projection.weight.std().item())
    names = ("luo_classifier_std", "fastreid_classifier_std", "fastreid_projection_std")
    np.testing.assert_allclose(stds, [EXPECTED[name] for name in names], rtol=0.01)
