"""What is done to training pictures, and which of them go into a batch."""

from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

from pydantic import (
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from crosscam.settings.augmenting import Colours, Degrading, Erasing, Rand
from crosscam.settings.values import Count, PartialShare, Pixels, Share, Table

# What other keys begin with, and the key that switches on what they are about.
_SWITCHES = MappingProxyType(
    {
        "enlarge_by": "enlarge_crop",
        "erasing.": "erase",
        "rand.": "rand_augment",
        "degrading.sigma": "blur",
        "degrading.shrink": "low_resolution",
        "degrading.quality": "jpeg",
    }
)


def _explained(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    try:
        return check(value)
    except ValidationError:
        raise ValueError('takes a number from 1 on, or "images"') from None


Steps = Annotated[Count | Literal["images"], WrapValidator(_explained)]


class Input(Table):
    """The size in pixels that pictures are resized to."""

    height: Pixels
    width: Pixels


class Batching(Table):
    """Which pictures go into a batch.

    sampler: "random" pictures; "identities", so many different people with so many images each;
        or "groups", the published triplet batches, in which a person can be twice. "random" does
        not look at identities and images_per_identity.
    steps_per_epoch: how many batches an epoch has; "images" for as many as all images would fill,
        however they are drawn; without it, as many as there are until what is left does not fill
        one. What is used up before is drawn afresh.
    balance: of several data sets, "proportional" draws from all people or images alike; "equal"
        puts the same number of each set's people or images into each batch, until the largest set
        is used up.
    """

    size: Annotated[int, Field(ge=2, le=10**6)]  # BatchNorm learns nothing from one
    sampler: Literal["random", "identities", "groups"] = "random"
    identities: Count | None = None
    images_per_identity: Count | None = None
    steps_per_epoch: Steps | None = None
    balance: Literal["proportional", "equal"] = "proportional"

    @property
    def identities_and_images(self) -> tuple[int, int] | None:
        """How many people are in a batch and with how many images each; None if that is chance."""
        if self.sampler == "random" or self.identities is None or self.images_per_identity is None:
            return None
        return self.identities, self.images_per_identity

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.sampler == "random":
            return self
        if self.identities_and_images is None:
            raise ValueError(f'sampler = "{self.sampler}" needs identities and images_per_identity')
        people, each = self.identities_and_images
        if self.size != people * each:
            raise ValueError(
                f"size is {self.size}, but identities x images_per_identity is "
                f"{people} x {each}; set them together"
            )
        return self


class Augmentation(Table):
    """The random changes of training pictures, in the order in which they are done.

    Probabilities, of which 0 switches a change off, where nothing else is said.

    auto_augment: AutoAugment's policy for ImageNet (Cubuk et al., CVPR 2019).
    rand_augment: RandAugment, as `rand` says.
    resize: the filter by which training pictures are resized; tests are always bilinear, as is
        training where it is not said.
    enlarge_crop: a resize to `enlarge_by` of each side and a random crop back, instead of a plain
        resize; the published recipes have 0.5 and 9/8.
    flip: a horizontal flip.
    pad_crop: pixels of black put on each side before a random crop back to size; 0 for none.
    rotate: by how many degrees to either side it may be turned; 0 for none.
    patch: a piece of another training picture is put over it (Zhou et al., ICCV 2019).
    colour: how far brightness, contrast and saturation may each be scaled, 0.2 for 0.8 to 1.2;
        `colours` says more.
    grey: all colour is taken off.
    blur, low_resolution, jpeg: what poor cameras do, as `degrading` says.
    erase: random erasing (Zhong et al., AAAI 2020), as `erasing` says.
    """

    auto_augment: Share = 0.0
    rand_augment: Share = 0.0
    resize: Literal["bilinear", "bicubic"] = "bilinear"
    enlarge_crop: Share = 0.5
    enlarge_by: Annotated[float, Field(gt=1, le=2)] = 1.125
    flip: Share = 0.5
    pad_crop: Annotated[int, Field(ge=0, le=1024)] = 0
    rotate: Annotated[float, Field(ge=0, le=180)] = 0.0
    patch: Share = 0.0
    colour: PartialShare = 0.0
    grey: Share = 0.0
    blur: Share = 0.0
    low_resolution: Share = 0.0
    jpeg: Share = 0.0
    erase: Share = 0.0
    colours: Colours = Colours()
    erasing: Erasing = Erasing()
    rand: Rand = Rand()
    degrading: Degrading = Degrading()

    def off_switch_of(self, key: str) -> str | None:
        """The key without which `key`, such as "erasing.fill", does nothing, if that one is 0."""
        for start, switch in _SWITCHES.items():
            if key.startswith(start) and not getattr(self, switch):
                return switch
        return None
