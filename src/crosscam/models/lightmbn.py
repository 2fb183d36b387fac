"""LightMBN (Herzog et al., ICIP 2021): three branches on OSNet, and seven features of a person.

The branches part within OSNet's second stage. The first looks at the whole person, the second at
upper and lower halves beside the whole, the third at halves of the channels. While training, one of
the features is of the person without what is seen best (Top-DB-Net; Quispe & Pedrini, ICPR 2020).
"""

import copy
from collections.abc import Mapping

import torch
import torch.nn.functional as F  # noqa: N812 - the field's own spelling
from torch import Tensor, nn

from crosscam.models.base import ReIDModel, refuse_unusable
from crosscam.models.classifiers import linear_classifier
from crosscam.models.necks import BNNeck
from crosscam.models.osnet import OmniScaleBlock, OSNet
from crosscam.models.pooling import global_average, global_maximum
from crosscam.types import ModelOutput

BRANCHES = ("whole", "parts", "channels")
_DIM = 512
_DROPPED = 0.33  # of the rows, as published
_COMPARED = 3  # the first so many features
# Where the published network has each of our features.
_ENDS = ("_0", "_4", "_1", "_2", "_3", "_ch_0", "_ch_1")
# OSNet's layers and ours: those before the branches, and those of each branch.
_SHARED_LAYERS = {"conv1.": "stem.0.", "conv2.": "stem.2.", "conv3.0.": "stem.3."}
_BRANCH_LAYERS = {"conv3.1.": "0.1.", "conv3.2.": "0.2.", "conv4.": "1.", "conv5.": "2."}


class LightMBN(ReIDModel):
    """Seven features of 512, each of length 1, one after another.

    They are of the whole person, of that without its best rows (in eval mode with them), of the
    largest values, of the upper and the lower half, and of each half of the channels. Losses on
    features compare the first three, before their necks; each of the seven has a classifier.
    """

    training_only = ("classifiers.",)
    classified_by = "classifiers.0.weight"
    former_names = (
        (r"^backone\.", "stem."),
        (r"^global_branch\.", "whole."),
        (r"^partial_branch\.", "parts."),
        (r"^channel_branch\.", "channels."),
        (r"^batch_drop_block\.drop_batch_bottleneck\.", "refine."),
        *((rf"^reduction{end}\.reduction\.", f"reductions.{i}.") for i, end in enumerate(_ENDS)),
        *((rf"^reduction{end}\.bn\.", f"necks.{i}.norm.") for i, end in enumerate(_ENDS)),
        *((rf"^reduction{end}\.classifier\.", f"classifiers.{i}.") for i, end in enumerate(_ENDS)),
    )

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.input_size = (384, 128)
        self.feature_dim = len(_ENDS) * _DIM
        self.constants = {f"necks.{i}.norm.bias": 0.0 for i in range(len(_ENDS))}
        osnet = OSNet(1, channels=(64, 256, 384, 512))
        self.stem = nn.Sequential(osnet.conv1, osnet.maxpool, osnet.conv2, osnet.conv3[0])
        branch = nn.Sequential(osnet.conv3[1:], osnet.conv4, osnet.conv5)
        self.whole, self.parts, self.channels = branch, copy.deepcopy(branch), copy.deepcopy(branch)
        self.refine = OmniScaleBlock(512, 512, instance_norm=False)
        reduction = nn.Conv2d(512, _DIM, 1, bias=False)
        self.reductions = nn.ModuleList(copy.deepcopy(reduction) for _ in range(5))
        self.shared = _shared_reduction()
        self.necks = nn.ModuleList(BNNeck(_DIM) for _ in _ENDS)
        self.classifiers = nn.ModuleList(linear_classifier(_DIM, num_classes) for _ in _ENDS)

    @property
    def compared_dim(self) -> int:
        """That of each of the three."""
        return _DIM

    @property
    def head_names(self) -> tuple[str, ...]:
        """All that OSNet does not have."""
        return ("refine.", "reductions.", "shared.", "necks.", "classifiers.")

    def forward(self, images: Tensor) -> Tensor | ModelOutput:
        """(N, 3, H, W) images to (N, 3584) features; all branches' logits in training mode."""
        refuse_unusable(images, name="LightMBN", smallest=(32, 32))
        before = self._features(self.stem(images))
        after = [neck(one) for neck, one in zip(self.necks, before, strict=True)]
        features = torch.cat([F.normalize(one) for one in after], dim=1)
        if not self.training:
            return features
        logits = (classify(one) for classify, one in zip(self.classifiers, after, strict=True))
        return ModelOutput(features, tuple(logits), tuple(before[:_COMPARED]))

    def adapt_start(self, weights: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """OSNet's weights under this model's names: those of the branches go to each.

        What OSNet has at its end goes to none; names that are not OSNet's stay.
        """
        spread: dict[str, Tensor] = {}
        for name, value in weights.items():
            if not name.startswith(("fc.", "classifier.")):
                spread |= dict.fromkeys(_spread(name) or [name], value)
        return spread

    def _features(self, x: Tensor) -> list[Tensor]:
        """The seven (N, 512) features before their necks, of the stem's map."""
        whole, parts = self.refine(self.whole(x)), self.parts(x)
        upper, lower = halves(parts)
        best_hidden = drop_best_rows(whole) if self.training else whole
        pooled = (
            global_average(whole),
            global_maximum(best_hidden),
            global_maximum(parts),
            global_average(upper),
            global_average(lower),
        )
        reduced = [
            reduce(one[:, :, None, None]).flatten(1)
            for reduce, one in zip(self.reductions, pooled, strict=True)
        ]
        channels = global_average(self.channels(x)).chunk(2, dim=1)
        return reduced + [self.shared(one[:, :, None, None]).flatten(1) for one in channels]


def lightmbn_osnet(num_classes: int) -> LightMBN:
    """LightMBN on OSNet: 6.5 M parameters, and 9.1 M with the classifiers of Market-1501."""
    return LightMBN(num_classes)


def halves(x: Tensor) -> tuple[Tensor, Tensor]:
    """The upper and the lower half of (N, C, H, W) maps; both have the middle row of an odd H."""
    height = x.shape[2]
    return x[:, :, : (height + 1) // 2], x[:, :, height // 2 :]


def drop_best_rows(x: Tensor) -> Tensor:
    """(N, C, H, W) maps, in each 0 in the third of the rows with its most active places.

    A place is as active as the sum of the squares of its channels.
    """
    rows = (x.detach() ** 2).sum(dim=1).amax(dim=2)
    best = rows.topk(round(_DROPPED * rows.shape[1]), dim=1).indices
    kept = torch.ones_like(rows).scatter(1, best, 0.0)
    return x * kept[:, None, :, None]


def _spread(name: str) -> list[str]:
    """What a layer of OSNet is called here."""
    once = [
        new + name.removeprefix(old) for old, new in _SHARED_LAYERS.items() if name.startswith(old)
    ]
    thrice = [
        f"{branch}.{new}{name.removeprefix(old)}"
        for old, new in _BRANCH_LAYERS.items()
        if name.startswith(old)
        for branch in BRANCHES
    ]
    return once + thrice


def _shared_reduction() -> nn.Sequential:
    """What both halves of the channels go through."""
    convolution = nn.Conv2d(_DIM // 2, _DIM, 1, bias=False)
    nn.init.kaiming_normal_(convolution.weight)
    return nn.Sequential(convolution, nn.BatchNorm2d(_DIM), nn.ReLU(inplace=True))
