"""What every model of crosscam is: an interface, with nothing in it to inherit but names."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from crosscam.data.transforms import IMAGENET_MEAN, IMAGENET_STD, Preprocess
from crosscam.errors import ModelError
from crosscam.models.camera_embedding import CameraEmbedding
from crosscam.types import ModelOutput

MEMORY_FORMATS = {
    "contiguous": torch.contiguous_format,
    "channels_last": torch.channels_last,
}


class ReIDModel(nn.Module):
    """A network from (N, 3, H, W) normalised float images to features of people.

    In eval mode a call gives (N, feature_dim) float features, whatever the model was trained with;
    in training mode a `ModelOutput` of features and logits.

    Attributes:
        input_size: (height, width) in pixels that it was designed for.
        feature_dim: the length D of a feature.
        num_classes: how many training people its classifiers tell apart.
        training_only: prefixes of the `state_dict` names of layers that features do not need; their
            shapes are those that depend on the number of classes.
        classified_by: the `state_dict` name of a tensor with one row a training person.
        former_names: how the names of older files become its own: (pattern, replacement) pairs of
            regular expressions, applied in turn.
        constants: what files of others hold beside the weights, by its names of today: a number, or
            one of each colour. It is left out where it is that, and refused where it is not.
        mean: of each colour, in [0, 1], by which pictures are normalised for it.
        std: of each colour, the same.
        uses_cameras: whether it takes the cameras of the images as a second argument: (N,) int64,
            or None where they are not known.
        head_names: prefixes of the `state_dict` names of all that is at its end: what learns alone
            while the rest is frozen, and by a rate of its own where a recipe has one.
        own_end: the names of the modules between its map and what it gives, in whose place another
            end can stand; empty where none can.
        map_dim: the number C of channels of its map, where `own_end` is not empty.
    """

    training_only: tuple[str, ...] = ("classifier.",)
    classified_by: ClassVar[str] = "classifier.weight"
    former_names: ClassVar[tuple[tuple[str, str], ...]] = ()
    constants: Mapping[str, float | tuple[float, float, float]] = {}
    uses_cameras: bool = False
    own_end: tuple[str, ...] = ()
    map_dim: int
    input_size: tuple[int, int]
    feature_dim: int
    num_classes: int
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD

    @property
    def head_names(self) -> tuple[str, ...]:
        """Its classifiers, unless it says otherwise."""
        return self.training_only

    @property
    def cameras(self) -> CameraEmbedding | None:
        """What it has learned of cameras, None where it does not use them."""
        return None

    @property
    def compared_dim(self) -> int:
        """The length of the features that losses compare images by, or of those of each branch."""
        return self.feature_dim

    def depth_of(self, name: str) -> int:
        """How deep the parameter of a `state_dict` name is: 0 for those that see the images first.

        The deepest are its end. 0 for all where it does not know.
        """
        _ = name
        return 0

    def forward(self, images: Tensor) -> Tensor | ModelOutput:
        """Features in eval mode; features and logits in training mode."""
        raise NotImplementedError

    def forward_map(self, images: Tensor) -> Tensor:
        """(N, 3, H, W) images to the map that `own_end` gets, (N, map_dim, h, w).

        Where it uses cameras they are a second argument, as for the model itself.
        """
        raise NotImplementedError

    def adapt_start(self, weights: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """The weights of a start by other hands, as this model can take them; else as they are.

        They are those of a network of its kind, by the names that the kind is published with.
        """
        return weights


def run_model(model: ReIDModel, images: Tensor, camids: Tensor | None) -> Tensor | ModelOutput:
    """What a model makes of images, and of their cameras, (N,) int64, if it uses them."""
    output: Tensor | ModelOutput = model(images, camids) if model.uses_cameras else model(images)
    return output


def default_preprocess(model: ReIDModel) -> Preprocess:
    """What a model wants done to a picture that nobody has decided otherwise on: its own size."""
    return Preprocess(*model.input_size, model.mean, model.std)


def refuse_unusable(images: Tensor, *, name: str, smallest: tuple[int, int]) -> None:
    """Raise `ModelError` unless `images` is (N, 3, H, W), of `smallest` (height, width) or more."""
    if images.ndim != 4 or images.shape[1] != 3:
        raise ModelError(f"{name} takes images of shape (N, 3, H, W), not {tuple(images.shape)}")
    height, width = images.shape[2:]
    if height < smallest[0] or width < smallest[1]:
        raise ModelError(
            f"{name} takes images of at least {smallest[0]} x {smallest[1]} pixels "
            f"(height x width), not {height} x {width}"
        )


def set_memory_format(model: ReIDModel, name: str) -> None:
    """Lay a model's weights out in memory as "contiguous" or "channels_last", in place."""
    model.to(memory_format=MEMORY_FORMATS[name])  # type: ignore[call-overload]


def count_parameters(model: ReIDModel) -> int:
    """The number of parameters that features need: all but the classifiers'; no buffers."""
    return sum(
        parameter.numel()
        for name, parameter in model.named_parameters()
        if not name.startswith(model.training_only)
    )
