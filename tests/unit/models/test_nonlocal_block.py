"""Non-local blocks against the definition: every place sees every place."""

import golden
import torch

from crosscam.models.nonlocal_block import NonLocalBlock


def test_it_adds_what_all_places_hold_weighed_by_how_they_go_together():
    block = golden.fill(NonLocalBlock(6)).eval()
    x = torch.randn(2, 6, 4, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    block.double()
    theta, phi, g = (layer(x).flatten(2) for layer in (block.theta, block.phi, block.g))
    together = theta.transpose(1, 2) @ phi / 12  # (2, 12, 12), a row a place
    seen = (together @ g.transpose(1, 2)).transpose(1, 2).reshape(2, 1, 4, 3)
    torch.testing.assert_close(block(x), block.W(seen) + x)


def test_it_starts_as_no_change():
    x = torch.randn(2, 6, 4, 3)
    assert torch.equal(NonLocalBlock(6)(x), x)
