"""The parts of the jigsaw branch, by the paper's words: shifted, dealt out, cut."""

import pytest
import torch

from crosscam.models.jigsaw import shuffled_parts


@pytest.mark.parametrize("length", [4, 8, 128, 129, 210])
def test_patches_are_shifted_dealt_out_and_cut(length):
    patches = torch.arange(2 * length * 3.0).reshape(2, length, 3)
    order = [(place + 4) % length for place in range(length)]
    if length % 2:
        order.append(order[-2])
    half = len(order) // 2
    dealt = [group[place] for place in range(half) for group in (order[:half], order[half:])]
    each = length // 4
    parts = shuffled_parts(patches)
    assert len(parts) == 4
    for number, part in enumerate(parts):
        wanted = dealt[number * each : (number + 1) * each]
        assert torch.equal(part, patches[:, wanted])
