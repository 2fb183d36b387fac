"""Vision transformers for people (TransReID: He et al., ICCV 2021), with timm's names of weights.

Own choices beside that paper's code: images of any size are taken, for which the embedding of
positions is resized on the way; and the average of the patches can be the feature (`pool`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from crosscam.errors import ModelError
from crosscam.models.base import ReIDModel, refuse_unusable
from crosscam.models.camera_embedding import CameraEmbedding
from crosscam.models.classifiers import linear_classifier
from crosscam.models.jigsaw import PARTS, SHARES, Jigsaw
from crosscam.models.necks import BNNeck
from crosscam.models.pooling import global_average
from crosscam.models.positions import grid_of, resize_positions
from crosscam.models.switches import Switched, Wanted
from crosscam.models.vit_blocks import (
    EPSILON,
    PATCH,
    Block,
    ConvolutionStem,
    PatchEmbedding,
    initialise_block,
)
from crosscam.models.vit_names import own_weights
from crosscam.types import ModelOutput

SWITCHES: Mapping[str, tuple[str, ...]] = {
    "patch_stride": ("16", "12"),
    "cameras": ("no", "yes"),
    "jigsaw": ("no", "yes"),
    "stem": ("patch", "conv"),
    "pool": ("class", "patches"),
    "size": ("256x128", "384x128", "384x192", "256x256", "224x224"),
}
_CAMERA_WEIGHT = 3.0
_DROP_PATH = 0.1  # of the last block; none of the first, and in between in equal steps


@dataclass(frozen=True)
class Shape:
    """How large a transformer is.

    `scale` is what products of queries and keys are multiplied by, that of one head's length where
    it is None.
    """

    width: int
    depth: int
    heads: int
    hidden: int
    qkv_bias: bool = True
    scale: float | None = None


SMALL = Shape(width=384, depth=12, heads=6, hidden=4 * 384)
SMALL_D8 = Shape(768, depth=8, heads=8, hidden=3 * 768, qkv_bias=False, scale=768**-0.5)
BASE = Shape(width=768, depth=12, heads=12, hidden=4 * 768)


class ViT(ReIDModel):
    """A class token among the patches; the feature is what becomes of it, before the BNNeck.

    With `jigsaw` it is followed by the features of four shuffled parts, a quarter as long.

    Args:
        wanted: its switches, and for how many people and cameras it is.
        shape: how large it is.
    """

    own_end: tuple[str, ...] = ("neck", "classifier")
    mean = (0.5, 0.5, 0.5)
    std = (0.5, 0.5, 0.5)
    training_only = ("neck.", "classifier.", "jigsaw.necks.", "jigsaw.classifiers.")

    def __init__(self, wanted: Wanted, *, shape: Shape) -> None:
        super().__init__()
        switches = wanted.switches
        self.num_classes = wanted.num_classes
        self.input_size = _size(switches["size"])
        self.map_dim = shape.width
        self.pools_patches = switches["pool"] == "patches"
        self.patch_embed = _stem(switches, shape.width)
        self.grid = self.patch_embed.grid_of(self.input_size)
        length = 1 + self.grid[0] * self.grid[1]
        self.cls_token = nn.Parameter(torch.zeros(1, 1, shape.width))
        self.pos_embed = nn.Parameter(torch.zeros(1, length, shape.width))
        nn.init.trunc_normal_(self.cls_token, std=0.02)
        nn.init.trunc_normal_(self.pos_embed, std=0.02)
        self.camera_embedding = _cameras(wanted, shape.width)
        self.uses_cameras = self.camera_embedding is not None
        self.blocks = nn.ModuleList(_block(shape, place) for place in range(shape.depth))
        self.norm = nn.LayerNorm(shape.width, eps=EPSILON)
        self.neck = BNNeck(shape.width)
        self.classifier = linear_classifier(shape.width, wanted.num_classes)
        self.jigsaw: Jigsaw | None = None
        if switches["jigsaw"] == "yes":
            self._take_jigsaw(shape.width)
        self.feature_dim = shape.width * (1 + PARTS if self.jigsaw else 1)

    def _take_jigsaw(self, width: int) -> None:
        """Have the branch of parts, with which no other end goes."""
        if self.pools_patches:
            raise ModelError(
                "jigsaw=yes and pool=patches exclude each other; leave one of them out"
            )
        last = self.blocks[-1]
        assert isinstance(last, Block)
        self.jigsaw = Jigsaw(last, self.norm, width=width, num_classes=self.num_classes)
        self.own_end = ()

    @property
    def cameras(self) -> CameraEmbedding | None:
        """What it has learned of cameras; None where cameras=no."""
        return self.camera_embedding

    @property
    def compared_dim(self) -> int:
        """The width: that of the class token, and of each part."""
        return self.map_dim

    def forward(self, images: Tensor, camids: Tensor | None = None) -> Tensor | ModelOutput:
        """(N, 3, H, W) images to (N, feature_dim) features, with logits in training mode.

        `camids` are the images' cameras, (N,) int64, or None; only with cameras=yes they matter.
        """
        tokens = self._tokens(images, camids)
        whole = global_average(self._map(tokens, images))
        parts = () if self.jigsaw is None else self.jigsaw(tokens)
        features = torch.cat([whole, *(part / PARTS for part in parts)], dim=1)
        if not self.training:
            return features
        logits = self.classifier(self.neck(whole))
        if self.jigsaw is None:
            return ModelOutput(features, (logits,))
        others = self.jigsaw.classify(parts)
        return ModelOutput(features, (logits, *others), (whole, *parts), SHARES)

    def forward_map(self, images: Tensor, camids: Tensor | None = None) -> Tensor:
        """(N, 3, H, W) images to the map of the patches, (N, map_dim, h, w).

        Unless pool=patches it is the class token alone, a map of one place.
        """
        return self._map(self._tokens(images, camids), images)

    def depth_of(self, name: str) -> int:
        """At which depth the parameter `name` is: 0 before the blocks, then the blocks from 1."""
        if name.startswith("blocks."):
            return 1 + int(name.split(".")[1])
        if name.startswith(("patch_embed.", "cls_token", "pos_embed", "camera_embedding.")):
            return 0
        return len(self.blocks) + (0 if name.startswith("jigsaw.block.") else 1)

    def adapt_start(self, weights: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """The weights of a start under this model's names, and for its grid of patches."""
        return own_weights(
            weights,
            own=self.state_dict(),
            last=len(self.blocks) - 1,
            grid=self.grid,
            known_grids=_known_grids(),
        )

    def _tokens(self, images: Tensor, camids: Tensor | None) -> Tensor:
        """(N, 3, H, W) images to (N, 1 + h * w, C) tokens before the last block."""
        refuse_unusable(images, name="ViT", smallest=(2 * PATCH, 2 * PATCH))
        patches = self.patch_embed(images).flatten(2).transpose(1, 2)
        first = self.cls_token.expand(images.shape[0], -1, -1)
        where = resize_positions(self.pos_embed, self.grid, self._grid_of(images))
        tokens = torch.cat([first, patches], dim=1) + where
        if self.camera_embedding is not None:
            tokens = tokens + _CAMERA_WEIGHT * self.camera_embedding(camids)[:, None]
        for block in self.blocks[:-1]:
            tokens = block(tokens)
        return tokens

    def _map(self, tokens: Tensor, images: Tensor) -> Tensor:
        """Tokens before the last block to the map, (N, C, h, w)."""
        seen = self.norm(self.blocks[-1](tokens)).transpose(1, 2)
        if self.pools_patches:
            patches: Tensor = seen[:, :, 1:].unflatten(2, self._grid_of(images))
            return patches
        token: Tensor = seen[:, :, :1, None]
        return token

    def _grid_of(self, images: Tensor) -> tuple[int, int]:
        height, width = images.shape[2:]
        return self.patch_embed.grid_of((height, width))


def vit_small(num_classes: int) -> ViT:
    """ViT-S/16: 12 blocks of 384; DeiT-S, and that of TransReID-SSL and PersonViT; 21.6 M."""
    return ViT(_plain(num_classes), shape=SMALL)


def vit_small_d8(num_classes: int) -> ViT:
    """What TransReID calls ViT-Small, as timm did in 2020: 8 blocks of 768; 48.0 M."""
    return ViT(_plain(num_classes), shape=SMALL_D8)


def vit_base(num_classes: int) -> ViT:
    """ViT-B/16: 12 blocks of 768; 85.7 M parameters."""
    return ViT(_plain(num_classes), shape=BASE)


SWITCHED_VITS: Mapping[str, Switched] = {
    "vit_base": Switched(partial(ViT, shape=BASE), SWITCHES),
    "vit_small": Switched(partial(ViT, shape=SMALL), SWITCHES),
    "vit_small_d8": Switched(partial(ViT, shape=SMALL_D8), SWITCHES),
}


def _plain(num_classes: int) -> Wanted:
    return Wanted(num_classes, 0, {key: values[0] for key, values in SWITCHES.items()})


def _size(text: str) -> tuple[int, int]:
    height, _, width = text.partition("x")
    return int(height), int(width)


def _stem(switches: Mapping[str, str], width: int) -> PatchEmbedding | ConvolutionStem:
    stride = int(switches["patch_stride"])
    if switches["stem"] == "patch":
        return PatchEmbedding(width, stride=stride)
    if stride != PATCH:
        raise ModelError(
            f"stem=conv has patches that do not overlap; leave out patch_stride={stride}"
        )
    return ConvolutionStem(width)


def _cameras(wanted: Wanted, width: int) -> CameraEmbedding | None:
    if wanted.switches["cameras"] == "no":
        return None
    if wanted.num_cameras < 1:
        raise ModelError(
            "cameras=yes embeds the cameras of the training pictures, and none are known: give "
            "num_cameras, train on data with cameras, or leave the switch out"
        )
    return CameraEmbedding(wanted.num_cameras, width)


def _block(shape: Shape, place: int) -> Block:
    block = Block(
        shape.width,
        shape.heads,
        shape.hidden,
        qkv_bias=shape.qkv_bias,
        scale=shape.scale or (shape.width // shape.heads) ** -0.5,
        drop=_DROP_PATH * place / max(shape.depth - 1, 1),
    )
    initialise_block(block)
    return block


def _known_grids() -> tuple[tuple[int, int], ...]:
    """The grids of all sizes with overlapping patches: those that cannot be told by their count."""
    return tuple(grid_of(_size(size), patch=PATCH, stride=12) for size in SWITCHES["size"])
