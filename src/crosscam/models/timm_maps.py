"""The last map of a backbone of timm, whichever way timm lays it out, and what stands behind it.

It is what timm's `forward_features` gives. Where that is a list of tokens, the map is a column of
them, without those that stand for no place, such as the class token: an end of ours pools places,
and the class token has its say in them through the attention of all blocks but the last.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from crosscam.errors import ModelError

Layout = Literal["channels first", "channels last", "tokens"]


@dataclass(frozen=True)
class TimmMap:
    """What there is to know of a backbone's map.

    Attributes:
        channels: how many it has.
        layout: "channels first" for (N, C, h, w), "channels last" for (N, h, w, C), "tokens" for
            (N, L, C).
        placeless: how many tokens at the beginning stand for no place.
        behind: the names of the modules that have parameters of which the map needs none.
    """

    channels: int
    layout: Layout
    placeless: int
    behind: tuple[str, ...]

    def laid_out(self, given: Tensor) -> Tensor:
        """What the backbone gives as (N, C, h, w); tokens as (N, C, L, 1), in their order."""
        if self.layout == "channels first":
            return given
        if self.layout == "channels last":
            return given.permute(0, 3, 1, 2)
        return given[:, self.placeless :].transpose(1, 2).unsqueeze(3)


def find_map(backbone: Any, size: tuple[int, int]) -> TimmMap:  # a module of timm
    """The map of a backbone, which may be on torch's meta device, for images of `size`.

    Raises `ModelError` for one that gives no map.
    """
    device = next(backbone.parameters()).device
    with torch.inference_mode(mode=False), torch.enable_grad():
        given = backbone.eval().forward_features(torch.zeros(1, 3, *size, device=device))
    if not isinstance(given, Tensor):
        raise ModelError(f"its forward_features gives a {type(given).__name__}")
    channels = int(backbone.num_features)
    layout = _layout(tuple(given.shape), channels)
    placeless = _placeless(backbone) if layout == "tokens" else 0
    if layout == "tokens" and given.shape[1] - placeless < 2:
        raise ModelError("its forward_features gives one token for the whole picture")
    return TimmMap(channels, layout, placeless, tuple(_without(backbone, _needed(given))))


def _layout(shape: tuple[int, ...], channels: int) -> Layout:
    if len(shape) == 4 and shape[1] == channels:
        return "channels first"
    if len(shape) == 4 and shape[3] == channels:
        return "channels last"
    if len(shape) == 3 and shape[2] == channels:
        return "tokens"
    raise ModelError(
        f"its forward_features gives {shape}, of which none is its {channels} channels"
    )


def _placeless(backbone: Any) -> int:
    """How many tokens stand for no place: by timm's count, where it keeps one, or by its names."""
    known: int | None = getattr(backbone, "num_prefix_tokens", None)
    if known is not None:
        return known
    names = (name.rpartition(".")[2] for name, _ in backbone.named_parameters())
    return int(any(name.startswith("cls_token") for name in names))


def _needed(given: Tensor) -> set[nn.Parameter]:
    """The parameters that autograd has seen on the way to a tensor."""
    needed, seen, open_nodes = set(), set(), [given.grad_fn]
    while open_nodes:
        node = open_nodes.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable"):
            needed.add(node.variable)
        open_nodes += [before for before, _ in node.next_functions]
    return needed


def _without(module: nn.Module, needed: set[nn.Parameter], prefix: str = "") -> Iterator[str]:
    """The names of the largest modules that have parameters, but none of those `needed`."""
    for name, part in module.named_children():
        parameters = set(part.parameters())
        if parameters and not parameters & needed:
            yield f"{prefix}{name}"
        elif parameters:
            yield from _without(part, needed, f"{prefix}{name}.")
