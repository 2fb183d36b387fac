"""From a picture to a tensor: what a model wants done to every picture.

The published recipes resize with PIL's bilinear filter, which differs from resizing tensors by up
to two levels, so all geometry is done by PIL on 8-bit images.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from crosscam.data.images import to_rgb
from crosscam.errors import InputError

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Preprocess:
    """What a model wants done to a picture: resize to (height, width), scale to [0, 1], normalise.

    Calling it with a PIL image gives a (3, height, width) float32 tensor; it is first made upright
    and RGB by the rules of `crosscam.data.images.to_rgb`, which files are read by, too.
    """

    height: int
    width: int
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD

    def __call__(self, image: Image.Image) -> Tensor:
        """The image as a (3, height, width) float32 tensor. Raises `InputError` for no image."""
        if not isinstance(image, Image.Image):
            raise InputError(f"preprocess takes a PIL image, not {type(image).__name__}")
        return self.from_rgb(to_rgb(image))

    def from_rgb(self, image: Image.Image) -> Tensor:
        """The same of an image that is upright and RGB already, as `read_image` gives it."""
        return self.normalise(self.resize(image))

    def resize(self, image: Image.Image) -> Image.Image:
        """The image at the model's size, by PIL's bilinear filter."""
        return image.resize((self.width, self.height), Image.Resampling.BILINEAR)

    def normalise(self, image: Image.Image) -> Tensor:
        """An RGB image as (3, H, W) float32, with the mean taken off, divided by the std."""
        out = torch.empty(3, image.height, image.width)
        self.normalise_into(np.asarray(image), out)
        return out

    def normalise_into(self, pixels: NDArray[np.uint8], out: Tensor) -> None:
        """Write RGB pixels, (H, W, 3) uint8, normalised into `out`, (3, H, W) float32 on the CPU.

        It looks up each of the 256 levels, which gives the bits that calculating each pixel would.
        """
        for channel, levels in enumerate(_levels(self.mean, self.std)):
            # No index of 8 bits is outside, and only with a mode for those is it written in place.
            np.take(levels, pixels[:, :, channel], out=out[channel].numpy(), mode="clip")

    def pixels_of(self, images: Tensor) -> NDArray[np.uint8]:
        """The RGB pixels, (N, H, W, 3), that were normalised to images, (N, 3, H, W) float32."""
        mean, std = (torch.tensor(values).view(3, 1, 1) for values in (self.mean, self.std))
        levels = images.mul(std).add_(mean).mul_(255).round_().clamp_(0, 255)
        pixels: NDArray[np.uint8] = levels.to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()
        return pixels


@lru_cache(maxsize=16)
def _levels(
    mean: tuple[float, float, float], std: tuple[float, float, float]
) -> NDArray[np.float32]:
    """(3, 256) float32: what each level of each channel becomes."""
    levels = torch.arange(256).float().div_(255).expand(3, 256)
    found: NDArray[np.float32] = (
        levels.sub(torch.tensor(mean).view(3, 1)).div_(torch.tensor(std).view(3, 1)).numpy()
    )
    found.flags.writeable = False
    return found
