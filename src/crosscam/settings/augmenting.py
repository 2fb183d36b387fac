"""How the random changes of training pictures are done; how often, is in `settings.images`."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from crosscam.settings.values import Count, Flag, Share, Table


def _pair(value: Any) -> Any:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError("give the least and the largest, such as [0.5, 2.0]")
    return value


def _in_order(bounds: tuple[float, float]) -> tuple[float, float]:
    if bounds[0] > bounds[1]:
        raise ValueError("the least comes before the largest")
    return bounds


_Level = Annotated[float, Field(ge=0, le=1000)]
_Reduction = Annotated[float, Field(ge=1, le=100)]
_Quality = Annotated[int, Field(ge=1, le=100)]
_RISING = (Field(strict=False), BeforeValidator(_pair), AfterValidator(_in_order))

Bounds = Annotated[tuple[_Level, _Level], *_RISING]
Shares = Annotated[tuple[Share, Share], *_RISING]
Reductions = Annotated[tuple[_Reduction, _Reduction], *_RISING]
Qualities = Annotated[tuple[_Quality, _Quality], *_RISING]
Colour = Annotated[tuple[Share, Share, Share], Field(strict=False)]


class Colours(Table):
    """How colours are changed.

    brightness, contrast, saturation: the least and the largest factor that it is scaled by, drawn
        evenly, such as [0.5, 2.0]. What is not said is scaled by 1 - `augment.colour` to 1 +
        `augment.colour`.
    hue: how far all hues may be turned, in turns of the colour circle; 0.5 reaches all of it.
    probability: of a change of the four.
    by: "image" draws a change for each picture; "person-camera" the same one in an epoch, grey
        included, for all pictures of a person by a camera, as another light or another setting of
        that camera would. Where the camera is not known, pictures of a person are changed alike.
    """

    brightness: Bounds | None = None
    contrast: Bounds | None = None
    saturation: Bounds | None = None
    hue: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    probability: Share = 1.0
    by: Literal["image", "person-camera"] = "image"


class Erasing(Table):
    """What is erased, and what is there then (Zhong et al., AAAI 2020).

    fill: "mean", the colour that normalising makes 0 of; "noise", a normal draw of variance 1 for
        each value of the normalised picture; or "colour", that of `colour`.
    colour: red, green and blue, from 0 to 1. Several published systems put the mean's numbers into
        the normalised picture, which is the colour [0.596, 0.558, 0.497].
    area: the least and the largest share of the picture.
    aspect: the least ratio of height to width; the largest is its inverse.
    log_aspect: draw the logarithm of the aspect evenly, as torchvision and timm do, and not itself.
    """

    fill: Literal["mean", "noise", "colour"] = "mean"
    colour: Colour | None = None
    area: Shares = (0.02, 0.4)
    aspect: Annotated[float, Field(gt=0, le=1)] = 0.3
    log_aspect: Flag = False

    @model_validator(mode="after")
    def _has_a_colour(self) -> Self:
        if (self.fill == "colour") != (self.colour is not None):
            raise ValueError('fill = "colour" and colour = [red, green, blue] need each other')
        return self


class Rand(Table):
    """RandAugment (Cubuk et al., CVPR workshops 2020).

    number: how many of its 14 operations are done, one after another.
    magnitude: how strongly, of 30.
    """

    number: Annotated[Count, Field(le=14)] = 2
    magnitude: Annotated[float, Field(ge=0, le=30)] = 9.0


class Degrading(Table):
    """What poor cameras do; of each pair of bounds one value is drawn evenly.

    sigma: of the Gaussian blur, in pixels of the model's input (Chen et al., ICML 2020).
    shrink: by how much each side is reduced before it is enlarged again; Jiao et al. (AAAI 2018)
        take 2, 3 and 4.
    quality: of JPEG compression, from 1 to 100.
    """

    sigma: Bounds = (0.1, 2.0)
    shrink: Reductions = (1.0, 4.0)
    quality: Qualities = (30, 95)
