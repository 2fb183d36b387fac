"""The network behind an embedder: normalised images in, features out, whatever computes them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from crosscam.choices import Precision, Runtime
from crosscam.models.base import ReIDModel, run_model


class Network(Protocol):
    """What turns images into features, on a runtime of its own."""

    @property
    def feature_dim(self) -> int:
        """D, the length of a feature."""

    @property
    def uses_cameras(self) -> bool:
        """Whether features depend on the cameras that took the images."""

    @property
    def known_cameras(self) -> tuple[int, ...] | None:
        """The cameras that it tells apart; None where it uses none, or does not say."""

    @property
    def runtime(self) -> Runtime:
        """What computes the features."""

    @property
    def precision(self) -> Precision:
        """The arithmetic of the features; those of another precision are other features."""

    @property
    def device(self) -> torch.device:
        """Where it computes; images are handed over on the CPU."""

    def __call__(self, images: Tensor, camids: Tensor | None) -> Tensor:
        """(N, 3, H, W) float32 images on the CPU to (N, D) float32 features on the CPU.

        `camids` are (N,) int64, None where cameras are not known or not used. One that it does not
        know is as if it were not known.
        """


@dataclass(frozen=True, eq=False)
class TorchNetwork:
    """A model of crosscam where it lies, in the precision of its own weights, or by autocast.

    With `autocast` float32 weights compute in bfloat16 where torch deems it safe. A model in
    training mode is put in eval mode for each call, and back.
    """

    model: ReIDModel
    autocast: bool = False

    @property
    def feature_dim(self) -> int:
        """D, the length of a feature."""
        return self.model.feature_dim

    @property
    def uses_cameras(self) -> bool:
        """Whether features depend on the cameras that took the images."""
        return self.model.uses_cameras

    @property
    def known_cameras(self) -> tuple[int, ...] | None:
        """The cameras that it tells apart; None where it uses none, or does not say."""
        return None if self.model.cameras is None else self.model.cameras.known

    @property
    def runtime(self) -> Runtime:
        """PyTorch."""
        return "torch"

    @property
    def precision(self) -> Precision:
        """That of the weights, or of autocast."""
        kind = next(self.model.parameters()).dtype
        if self.autocast or kind == torch.bfloat16:
            return "bf16"
        return "float16" if kind == torch.float16 else "float32"

    @property
    def device(self) -> torch.device:
        """Where the model's weights are."""
        return next(self.model.parameters()).device

    def __call__(self, images: Tensor, camids: Tensor | None) -> Tensor:
        """See `Network`."""
        weight = next(self.model.parameters())
        images = images.to(weight.device, weight.dtype, non_blocking=True)
        if camids is not None:
            camids = camids.to(weight.device)
        reduced = torch.autocast(weight.device.type, torch.bfloat16, enabled=self.autocast)
        with torch.inference_mode(), _eval_mode(self.model), reduced:
            features = run_model(self.model, images, camids)
            assert isinstance(features, Tensor)
            return features.float().cpu()


@contextmanager
def _eval_mode(model: ReIDModel) -> Iterator[None]:
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)
