"""What every model of crosscam is: an interface, with nothing in it to inherit but names."""

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from crosscam.data.transforms import IMAGENET_MEAN, IMAGENET_STD, Preprocess
from crosscam.decisions.calibration import PRIOR, Calibration, made_by
from crosscam.embedding.judging import same_person
from crosscam.errors import ModelError
from crosscam.types import Float64s, Metric, ModelOutput

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
        mean: of each colour, in [0, 1], by which pictures are normalised for it.
        std: of each colour, the same.
        preprocess: what it wants done to a picture.
        metric: by which its features are to be compared.
        weights_sha256: of the file that its weights were read from or written to, None before.
        calibration: from distances to probabilities, None where it has none.
    """

    training_only: ClassVar[tuple[str, ...]] = ("classifier.",)
    classified_by: ClassVar[str] = "classifier.weight"
    former_names: ClassVar[tuple[tuple[str, str], ...]] = ()
    input_size: tuple[int, int]
    feature_dim: int
    num_classes: int
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    preprocess: Preprocess
    metric: Metric
    weights_sha256: str | None = None
    calibration: Calibration | None = None

    @property
    def made_by(self) -> str | None:
        """A short name of its weights and preprocessing, None where the weights were not saved."""
        known = self.weights_sha256
        return None if known is None else made_by(known, self.preprocess)

    def same_person(self, one: Any, other: Any, *, prior: float = PRIOR) -> float | Float64s:
        """How probable it is that two pictures show the same person, in [0, 1].

        Each of the two is a PIL image; a sequence of N of them; (N, D) floating features of this
        model, NumPy or torch; or `Embeddings`. For two images the result is a float, else (N,)
        float64, of the first with the first, the second with the second. `prior` in (0, 1) says how
        many of the pairs that you compare are of the same person, before you look: half, unless you
        know better.

        Raises `InputError` if the model has no calibration, and for what does not pair. Gives a
        `CrosscamWarning` if the calibration, or the features, are of other weights or another
        preprocessing.
        """
        return same_person(self, one, other, prior=prior)

    def forward(self, images: Tensor) -> Tensor | ModelOutput:
        """Features in eval mode; features and logits in training mode."""
        raise NotImplementedError


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
