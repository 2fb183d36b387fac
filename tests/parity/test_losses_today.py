"""Losses against what their authors' code and other libraries give, in value and gradient.

`losses_today.npz` was made in float64 of 12 seeded features of 4 people by, under the name after
the stroke:

- pml: pytorch-metric-learning 2.9.0, each loss with its mean over anchors (`MeanReducer`), triplets
  with `BatchHardMiner`, multi-similarity with `MultiSimilarityMiner`
- agw: mangye16/ReID-Survey at 38f5912, modeling/layer/triplet_loss.py
- bot: michuanhaohao/reid-strong-baseline at 3da7e6f, layers/center_loss.py and triplet_loss.py
- fastreid: JDAI-CV/fast-reid at c9bc3ce, fastreid/modeling/losses, fastreid/layers/any_softmax.py
- transreid: damo-cv/TransReID at dec5504, loss/triplet_loss.py
- lightmbn: jixunbo/LightMBN at 1f4ec0d, loss/multi_similarity_loss.py
- authors: HobbitLong/SupContrast at 66a8fe5, losses.py

Only calls that torch no longer takes were rewritten there (`addmm_` with its factors in front).
"""

from functools import partial

import golden
import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - the name everyone knows

from crosscam.losses.center import center_loss
from crosscam.losses.circle import circle_loss
from crosscam.losses.contrastive import supervised_contrastive
from crosscam.losses.margins import arcface_logits, circle_logits, cosface_logits
from crosscam.losses.multi_similarity import multi_similarity
from crosscam.losses.triplet import batch_hard_triplet
from crosscam.losses.weighted_triplet import weighted_triplet

ARRAYS = golden.load("losses_today")
NAMES = sorted(name.removesuffix("/value") for name in ARRAYS if name.endswith("/value"))
WEIGHTS = torch.from_numpy(ARRAYS["weights"]).double()


def four_times(features, labels):
    return weighted_triplet(4 * features, labels)


def classified(features, labels, *, logits, margin):
    cosines = F.linear(F.normalize(features, dim=1), F.normalize(WEIGHTS, dim=1).to(features))
    return F.cross_entropy(logits(cosines, labels, scale=64.0, margin=margin), labels)


LOSSES = {
    "triplet": batch_hard_triplet,
    "triplet_soft": partial(batch_hard_triplet, soft=True),
    "triplet_normalised": partial(batch_hard_triplet, normalise=True),
    "wrt": weighted_triplet,
    "wrt_far": four_times,  # so far apart that negatives have lost their weight
    "center": partial(center_loss, centers=WEIGHTS),
    "circle": circle_loss,
    "supcon": supervised_contrastive,
    "multi_similarity": multi_similarity,
    "multi_similarity_few": partial(multi_similarity, margin=0.1),
    "arcface": partial(classified, logits=arcface_logits, margin=0.5),
    "cosface": partial(classified, logits=cosface_logits, margin=0.35),
    "circle_softmax": partial(classified, logits=circle_logits, margin=0.35),
}


def test_every_loss_has_its_numbers():
    assert {name.partition("/")[0] for name in NAMES} == set(LOSSES)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("name", NAMES)
def test_a_loss_and_its_gradient_are_those_of_others(name, dtype):
    loss, _, _ = name.partition("/")
    given = ARRAYS["tight_features" if loss.endswith("few") else "features"]
    features = torch.tensor(given, dtype=dtype, requires_grad=True)
    value = LOSSES[loss](features, torch.from_numpy(ARRAYS["labels"]))
    value.backward()
    assert value.item() == pytest.approx(ARRAYS[f"{name}/value"], rel=1e-6)
    expected = ARRAYS[f"{name}/gradient"]
    error = np.abs(features.grad.numpy() - expected).max() / np.abs(expected).max()
    assert error < (1e-6 if dtype == torch.float64 else 1e-5)


def test_centers_move_as_others_move_them():
    centers = WEIGHTS.clone().requires_grad_()
    features = torch.from_numpy(ARRAYS["features"]).double()
    center_loss(features, torch.from_numpy(ARRAYS["labels"]), centers).backward()
    expected = ARRAYS["center/bot/centers"]
    np.testing.assert_allclose(centers.grad.numpy(), expected, rtol=1e-6, atol=1e-7)
