"""The ResNets as the switches of their names want them."""

from collections.abc import Mapping
from typing import cast, get_args

from crosscam.models.resnet import (
    IBN,
    RESNET18,
    RESNET50,
    RESNET101,
    BasicBlock,
    Bottleneck,
    ResNet,
    ResNetDesign,
    Stem,
)
from crosscam.models.switches import Switched, Wanted

SWITCHES: Mapping[str, tuple[str, ...]] = {
    "last_stride": ("2", "1"),
    "ibn": get_args(IBN),
    "mixstyle": ("no", "yes"),
    "stem": get_args(Stem),
}
NON_LOCAL: Mapping[str, tuple[str, ...]] = {"nonlocal": ("no", "yes")}


def switched_resnet18(wanted: Wanted) -> ResNet:
    """ResNet-18 as the switches want it."""
    design = _design(wanted.switches, non_local=(0, 0))
    return ResNet(wanted.num_classes, block=BasicBlock, depths=RESNET18, design=design)


def switched_resnet50(wanted: Wanted) -> ResNet:
    """ResNet-50 as the switches want it; non-local blocks stand where AGW has them."""
    design = _design(wanted.switches, non_local=(2, 3))
    return ResNet(wanted.num_classes, block=Bottleneck, depths=RESNET50, design=design)


def switched_resnet101(wanted: Wanted) -> ResNet:
    """ResNet-101 as the switches want it; non-local blocks stand where FastReID has them."""
    design = _design(wanted.switches, non_local=(2, 9))
    return ResNet(wanted.num_classes, block=Bottleneck, depths=RESNET101, design=design)


SWITCHED_RESNETS: Mapping[str, Switched] = {
    "resnet101": Switched(switched_resnet101, {**SWITCHES, **NON_LOCAL}),
    "resnet18": Switched(switched_resnet18, SWITCHES),
    "resnet50": Switched(switched_resnet50, {**SWITCHES, **NON_LOCAL}),
}


def _design(switches: Mapping[str, str], *, non_local: tuple[int, int]) -> ResNetDesign:
    return ResNetDesign(
        last_stride=int(switches["last_stride"]),
        ibn=cast("IBN", switches["ibn"]),
        non_local=non_local if switches.get("nonlocal") == "yes" else (0, 0),
        mixstyle=switches["mixstyle"] == "yes",
        stem=cast("Stem", switches["stem"]),
    )
