"""What is done to training pictures, and which of them go into a batch."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from crosscam.settings.values import Count, PartialShare, Pixels, Share, Table


class Input(Table):
    """The size in pixels that pictures are resized to."""

    height: Pixels
    width: Pixels


class Batching(Table):
    """Which pictures go into a batch.

    sampler: "random" pictures; "identities", so many different people with so many images each;
        or "groups", the published triplet batches, in which a person can be twice. "random" does
        not look at identities and images_per_identity.
    steps_per_epoch: how many batches an epoch has; without it, as many as there are until what is
        left does not fill one. What is used up before is drawn afresh.
    balance: of several data sets, "proportional" draws from all people or images alike; "equal"
        puts the same number of each set's people or images into each batch, until the largest set
        is used up.
    """

    size: Annotated[int, Field(ge=2, le=10**6)]  # BatchNorm learns nothing from one
    sampler: Literal["random", "identities", "groups"] = "random"
    identities: Count | None = None
    images_per_identity: Count | None = None
    steps_per_epoch: Count | None = None
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
    """The random changes of training pictures; probabilities, of which 0 switches a change off.

    enlarge_crop: probability of a resize to 9/8 of each side and a random crop back, instead of a
        plain resize; the published recipes have 0.5.
    flip: probability of a horizontal flip.
    pad_crop: pixels of black put on each side before a random crop back to size; 0 for none.
    colour: how far brightness, contrast and saturation may each be scaled, 0.2 for 0.8 to 1.2.
    erase: probability of random erasing (Zhong et al., AAAI 2020): a rectangle of 2 to 40 % of the
        picture, of aspect 0.3 to 3.3, set to the mean colour.
    """

    enlarge_crop: Share = 0.5
    flip: Share = 0.5
    pad_crop: Annotated[int, Field(ge=0, le=1024)] = 0
    colour: PartialShare = 0.0
    erase: Share = 0.0
