"""The jigsaw branch of TransReID (He et al., ICCV 2021): features of shuffled parts of an image."""

import copy

import torch
from torch import Tensor, nn

from crosscam.models.classifiers import linear_classifier
from crosscam.models.necks import BNNeck
from crosscam.models.vit_blocks import Block

PARTS = 4
SHARES = (0.5, *[0.5 / PARTS] * PARTS)  # of the whole image, and of each part
_SHIFT = 5


class Jigsaw(nn.Module):
    """A transformer's last block again, on each of four shuffled parts of the patches.

    It is drawn as a copy of the block and the normalisation that see the whole image.
    """

    def __init__(self, block: Block, norm: nn.LayerNorm, *, width: int, num_classes: int) -> None:
        super().__init__()
        self.block = copy.deepcopy(block)
        self.norm = copy.deepcopy(norm)
        self.necks = nn.ModuleList(BNNeck(width) for _ in range(PARTS))
        self.classifiers = nn.ModuleList(
            linear_classifier(width, num_classes) for _ in range(PARTS)
        )

    def forward(self, tokens: Tensor) -> tuple[Tensor, ...]:
        """(N, 1 + L, C) tokens before the last block to the features of four parts, (N, C) each."""
        first = tokens[:, :1].repeat(PARTS, 1, 1)
        parts = torch.cat([first, torch.cat(shuffled_parts(tokens[:, 1:]))], dim=1)
        seen: Tensor = self.norm(self.block(parts)[:, 0])
        return seen.chunk(PARTS)

    def classify(self, features: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The features of four parts, (N, C) each, to (N, num_classes) logits each."""
        pairs = zip(self.necks, self.classifiers, features, strict=True)
        return tuple(classifier(neck(feature)) for neck, classifier, feature in pairs)


def shuffled_parts(patches: Tensor) -> tuple[Tensor, ...]:
    """(N, L, C) patches shifted, dealt out in two groups, and cut into four: (N, L // 4, C) each.

    Patches behind the last part are left out.
    """
    count, length, width = patches.shape
    start = _SHIFT - 1
    moved = torch.cat([patches[:, start:], patches[:, :start]], dim=1)
    if length % 2:
        moved = torch.cat([moved, moved[:, -2:-1]], dim=1)
    dealt = moved.reshape(count, 2, -1, width).transpose(1, 2).reshape(count, -1, width)
    each = length // PARTS
    return tuple(dealt[:, part * each : (part + 1) * each] for part in range(PARTS))
