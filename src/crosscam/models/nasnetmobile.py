"""NASNet-A Mobile, 4 @ 1056 (Zoph et al., CVPR 2018), as in the published table.

The network is one chain of cells, each fed by the two before it, and a cell has one of two plans:
`NORMAL` keeps the size of a map, `REDUCTION` halves it. Halving pads as "same" does in TensorFlow,
where the ImageNet weights come from: an even side gets one more at its end than at its start. At
multiples of 32 pixels that is what the published row computed; any size from 32 x 32 on will do.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812 - the name everyone knows
from torch import Tensor, nn

from crosscam.models.base import ReIDModel, refuse_unusable
from crosscam.models.pooling import global_average
from crosscam.types import ModelOutput

Operation = Literal["separable", "average", "maximum", "identity"]
Fit = Literal["keep", "project", "halve"]


class Term(NamedTuple):
    """Half of a sum: an operation on one of a cell's maps."""

    operation: Operation
    source: int
    kernel: int = 3


class Plan(NamedTuple):
    """What a cell computes.

    Map 0 is the output of the cell before, map 1 that of the cell before it, and every sum makes
    the next map. `stride` is that of operations on maps 0 and 1; `joined` are the maps given out.
    """

    stride: int
    sums: Sequence[tuple[Term, Term]]
    joined: Sequence[int]


NORMAL = Plan(
    stride=1,
    sums=(
        (Term("separable", 0, kernel=5), Term("separable", 1)),
        (Term("separable", 1, kernel=5), Term("separable", 1)),
        (Term("average", 0), Term("identity", 1)),
        (Term("average", 1), Term("average", 1)),
        (Term("separable", 0), Term("identity", 0)),
    ),
    joined=(1, 2, 3, 4, 5, 6),
)
REDUCTION = Plan(
    stride=2,
    sums=(
        (Term("separable", 0, kernel=5), Term("separable", 1, kernel=7)),
        (Term("maximum", 0), Term("separable", 1, kernel=7)),
        (Term("average", 0), Term("separable", 1, kernel=5)),
        (Term("identity", 3), Term("average", 2)),
        (Term("separable", 2), Term("maximum", 0)),
    ),
    joined=(3, 4, 5, 6),
)
CELLS = (
    ("cell_stem_0", REDUCTION, 11),
    ("cell_stem_1", REDUCTION, 22),
    ("cell_0", NORMAL, 44),
    ("cell_1", NORMAL, 44),
    ("cell_2", NORMAL, 44),
    ("cell_3", NORMAL, 44),
    ("reduction_cell_0", REDUCTION, 88),
    ("cell_6", NORMAL, 88),
    ("cell_7", NORMAL, 88),
    ("cell_8", NORMAL, 88),
    ("cell_9", NORMAL, 88),
    ("reduction_cell_1", REDUCTION, 176),
    ("cell_12", NORMAL, 176),
    ("cell_13", NORMAL, 176),
    ("cell_14", NORMAL, 176),
    ("cell_15", NORMAL, 176),
)


class HalvingPad(nn.Module):
    """Zeros around a map, so that `kernel // 2 - 1` more on each side make "same" at stride 2."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C, H + 1 + H % 2, W + 1 + W % 2)."""
        height, width = x.shape[2:]
        return F.pad(x, (width % 2, 1, height % 2, 1))


class HalvingPool(nn.Module):
    """The maximum or average of 3 x 3 at stride 2, "same", where padding does not count."""

    def __init__(self, operation: Literal["average", "maximum"]) -> None:
        super().__init__()
        self.operation = operation

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C, H / 2, W / 2), rounded up."""
        padding = (x.shape[2] % 2, x.shape[3] % 2)
        if self.operation == "maximum":
            return F.max_pool2d(x, 3, stride=2, padding=padding, ceil_mode=True)
        return F.avg_pool2d(x, 3, 2, padding, ceil_mode=True, count_include_pad=False)


class Cell(nn.Module):
    """The sums of a plan, over two maps made equal in size and width.

    `fit` says how the older map is: of the right size and taken as it is ("keep"), or projected to
    `channels` ("project"), or twice as large and halved, too ("halve").
    """

    def __init__(
        self, plan: Plan, channels: int, *, in_channels: int, previous_channels: int, fit: Fit
    ) -> None:
        super().__init__()
        self.plan = plan
        self.fit = fit
        self.out_channels = channels * len(plan.joined)
        if fit == "project":
            self.conv_prev_1x1 = _projection(previous_channels, channels)
        self.conv_1x1 = _projection(in_channels, channels)
        if fit == "halve":
            self.path_1 = _every_second(previous_channels, channels // 2, start=0)
            self.path_2 = _every_second(previous_channels, channels // 2, start=1)
            self.final_path_bn = _norm(channels)
        widths = {1: previous_channels} if fit == "keep" else {}
        for index, terms in enumerate(plan.sums):
            for side, term in zip(("left", "right"), terms, strict=True):
                operation = _operation(
                    term,
                    widths.get(term.source, channels),
                    channels,
                    stride=plan.stride if term.source < 2 else 1,
                )
                self.add_module(f"comb_iter_{index}_{side}", operation)

    def forward(self, x: Tensor, previous: Tensor) -> Tensor:
        """(N, C, H, W) and the map before it to (N, out_channels, H / stride, W / stride)."""
        maps = [self.conv_1x1(x), self._fitted(previous)]
        for index, (left, right) in enumerate(self.plan.sums):
            one = self.get_submodule(f"comb_iter_{index}_left")(maps[left.source])
            other = self.get_submodule(f"comb_iter_{index}_right")(maps[right.source])
            maps.append(one + other)
        return torch.cat([maps[index] for index in self.plan.joined], dim=1)

    def _fitted(self, previous: Tensor) -> Tensor:
        if self.fit == "keep":
            return previous
        fitted: Tensor
        if self.fit == "project":
            fitted = self.conv_prev_1x1(previous)
        else:
            halves = [self.path_1(previous), self.path_2(previous)]
            fitted = self.final_path_bn(torch.cat(halves, dim=1))
        return fitted


class NASNetMobile(ReIDModel):
    """A convolution, sixteen cells, global average, dropout before the classifier."""

    own_end = ("dropout", "classifier")

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.input_size = (256, 128)
        width = previous_width = 32
        self.conv0 = _named(conv=nn.Conv2d(3, width, 3, stride=2, bias=False), bn=_norm(width))
        fit: Fit = "keep"
        for name, plan, channels in CELLS:
            cell = Cell(
                plan, channels, in_channels=width, previous_channels=previous_width, fit=fit
            )
            self.add_module(name, cell)
            width, previous_width = cell.out_channels, width
            fit = "project" if plan.stride == 1 else "halve"
        self.map_dim = self.feature_dim = width
        self.dropout = nn.Dropout(0.5)
        self.classifier = nn.Linear(width, num_classes)

    def forward(self, images: Tensor) -> Tensor | ModelOutput:
        """(N, 3, H, W) images to (N, 1056) features, with logits in training mode."""
        features: Tensor = self.dropout(global_average(self.forward_map(images)))
        if not self.training:
            return features
        return ModelOutput(features, (self.classifier(features),))

    def forward_map(self, images: Tensor) -> Tensor:
        """(N, 3, H, W) images to (N, 1056, H / 32, W / 32), after the last ReLU."""
        refuse_unusable(images, name="NASNet-Mobile", smallest=(32, 32))
        x = previous = self.conv0(images)
        for name, _, _ in CELLS:
            x, previous = self.get_submodule(name)(x, previous), x
        return F.relu(x)


def nasnetmobile(num_classes: int) -> NASNetMobile:
    """NASNet-A Mobile: the published table's; 1,056 features, 4.2 M parameters."""
    return NASNetMobile(num_classes)


def _operation(term: Term, in_channels: int, channels: int, *, stride: int) -> nn.Module:
    if term.operation == "identity":
        return nn.Identity()
    if term.operation == "separable":
        return _separable_twice(in_channels, channels, term.kernel, stride=stride)
    if stride == 2:
        return HalvingPool(term.operation)
    return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)


def _separable_twice(in_channels: int, channels: int, kernel: int, *, stride: int) -> nn.Module:
    return _named(
        relu=nn.ReLU(),
        separable_1=_separable(in_channels, channels, kernel, stride=stride),
        bn_sep_1=_norm(channels),
        relu1=nn.ReLU(),
        separable_2=_separable(channels, channels, kernel, stride=1),
        bn_sep_2=_norm(channels),
    )


def _separable(in_channels: int, channels: int, kernel: int, *, stride: int) -> nn.Module:
    halving = stride == 2
    return _named(
        pad=HalvingPad() if halving else nn.Identity(),
        depthwise_conv2d=nn.Conv2d(
            in_channels,
            in_channels,
            kernel,
            stride,
            padding=kernel // 2 - halving,
            groups=in_channels,
            bias=False,
        ),
        pointwise_conv2d=nn.Conv2d(in_channels, channels, 1, bias=False),
    )


def _projection(in_channels: int, channels: int) -> nn.Module:
    return _named(
        relu=nn.ReLU(),
        conv=nn.Conv2d(in_channels, channels, 1, bias=False),
        bn=_norm(channels),
    )


def _every_second(in_channels: int, channels: int, *, start: int) -> nn.Module:
    return _named(
        relu=nn.ReLU(),
        shift=nn.ZeroPad2d((-start, start, -start, start)),
        conv=nn.Conv2d(in_channels, channels, 1, stride=2, bias=False),
    )


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=0.001)


def _named(**parts: nn.Module) -> nn.Sequential:
    return nn.Sequential(OrderedDict(parts))
