"""The center loss: plain loops, and centers that are learned."""

import loss_oracles
import numpy as np
import pytest
import torch

from crosscam.errors import InputError
from crosscam.losses.center import CenterLoss, center_loss

LABELS = [2, 0, 2, 2, 4]


def test_it_equals_plain_loops_in_value_and_both_gradients():
    rng = np.random.default_rng(0)
    features = torch.from_numpy(rng.normal(size=(5, 3))).requires_grad_()
    centers = torch.from_numpy(rng.normal(size=(5, 3))).requires_grad_()
    loss = center_loss(features, torch.tensor(LABELS), centers)
    loss.backward()
    rows, points = features.tolist(), centers.tolist()
    assert loss.item() == pytest.approx(loss_oracles.center(rows, LABELS, points), rel=1e-12)
    by_features = loss_oracles.gradient(lambda x: loss_oracles.center(x, LABELS, points), rows)
    np.testing.assert_allclose(features.grad.numpy(), by_features, atol=1e-8)
    by_centers = loss_oracles.gradient(lambda x: loss_oracles.center(rows, LABELS, x), points)
    np.testing.assert_allclose(centers.grad.numpy(), by_centers, atol=1e-8)
    assert torch.equal(centers.grad[1], torch.zeros(3))  # nobody of that label is in the batch


@pytest.mark.parametrize(("place", "held"), [(0.0, 1e-12), (1e9, 1e12)])
def test_beyond_its_bounds_there_is_no_gradient(place, held):
    features = torch.tensor([[place, 0.0]], requires_grad=True)
    loss = center_loss(features, torch.tensor([0]), torch.zeros(1, 2))
    loss.backward()
    assert loss.item() == pytest.approx(held)
    assert torch.equal(features.grad, torch.zeros(1, 2))


def test_its_centers_are_drawn_from_the_normal_distribution_by_the_seed():
    torch.manual_seed(3)
    drawn = CenterLoss(50, 40).centers
    torch.manual_seed(3)
    assert torch.equal(drawn, torch.randn(50, 40))
    assert drawn.requires_grad


def test_centers_of_the_people_of_a_batch_move_towards_it_by_their_rate():
    loss = CenterLoss(3, 2)
    features = torch.tensor([[1.0, 1.0], [3.0, 1.0]])
    optimizer = torch.optim.SGD(loss.parameters(), lr=0.5)
    before = loss.centers.detach().clone()
    loss(features, torch.tensor([1, 1])).backward()
    optimizer.step()
    # The slope of the mean of squares is twice the way to the mean, and the rate is a half.
    torch.testing.assert_close(loss.centers[1], torch.tensor([2.0, 1.0]))
    assert torch.equal(loss.centers[[0, 2]], before[[0, 2]])


def test_features_of_another_length_are_refused():
    with pytest.raises(InputError, match="length 4, .* length 3"):
        CenterLoss(2, 4)(torch.zeros(2, 3), torch.tensor([0, 1]))
