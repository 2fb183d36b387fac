"""What stands at the end of a network in the place of its own end.

    [head]
    pool = "gem"
    classifier = "circle"

A recipe without `[head]` means the network's own end.
"""

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    Strict,
    model_serializer,
    model_validator,
)

from crosscam.settings.values import Flag, NotNegative, Positive, Table

Pool = Literal["avg", "max", "avgmax", "gem", "attention"]
Classifier = Literal["linear", "cosine", "circle", "arcface", "cosface"]
Side = Literal["before", "after"]
Power = Annotated[float, Strict(), Field(gt=0, le=6)]  # of 1e-6 float32 has no higher ones
Dim = Annotated[int, Strict(), Field(ge=1, le=65536)]

_GEM: Mapping[str, Any] = {"power": 3.0, "learn_power": True}
_NORMALISED: Mapping[str, Mapping[str, float]] = {
    "cosine": {"scale": 20.0},
    "circle": {"scale": 64.0, "margin": 0.35},
    "arcface": {"scale": 64.0, "margin": 0.5},
    "cosface": {"scale": 64.0, "margin": 0.35},
}
_MARGIN_ENDS: Mapping[str, float] = {"circle": 1.0, "arcface": math.pi / 2, "cosface": 1.0}


class Head(Table):
    """Another end for a network: all that is between its map and the loss, in this order.

    Where `power`, `learn_power`, `scale` and `margin` are not said and have a use, they are filled
    in, so that a head that was made says them; where they have none they are None.

    name: "bnneck", short for what all the other keys are when nothing is said, and then alone.
    pool: how the (N, C, h, w) map becomes (N, C): the mean over its places, the largest, the mean
        of these two, the generalised mean ("gem"; Radenovic et al., TPAMI 2019), or a mean by
        learned weights ("attention"; Ilse et al., ICML 2018).
    power: of the generalised mean, over 0 to 6; 3, as in its paper. 1 is the mean.
    learn_power: whether that is learned from there on, or stays.
    projection: to how many features those of the pooling are projected, by a linear layer without
        bias, as in FastReID; none for no projection.
    neck: "bn", BatchNorm without a learned shift (BNNeck; Luo et al., CVPRW 2019), or "none".
    compared: which features the losses on features see, those "before" the neck or "after" it.
    tested: which are tested, and are what a trained model gives.
    classifier: what tells the training people apart, of the features after the neck: "linear"; or
        one whose logits are cosines, which the loss scales and, all but "cosine" (Zhai & Wu, BMVC
        2019), makes harder by a margin: "circle" (Sun et al., CVPR 2020), "arcface" (Deng et al.,
        CVPR 2019), "cosface" (Wang et al., CVPR 2018).
    scale: by which cosines are multiplied; 20 for "cosine", else 64.
    margin: 0.35 for "circle" and "cosface", below 1; 0.5 for "arcface", an angle below pi / 2.
    """

    name: Literal["bnneck"] | None = None
    pool: Pool = "avg"
    power: Power | None = None
    learn_power: Flag | None = None
    projection: Dim | None = None
    neck: Literal["bn", "none"] = "bn"
    compared: Side = "before"
    tested: Side = "after"
    classifier: Classifier = "linear"
    scale: Positive | None = None
    margin: NotNegative | None = None

    @property
    def gives_cosines(self) -> bool:
        """Whether the model's logits are cosines, which the loss scales."""
        return self.classifier != "linear"

    @model_validator(mode="before")
    @classmethod
    def _filled_in(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        said = {key: value for key, value in given.items() if value is not None or key not in _KEYS}
        classifier = said.get("classifier")
        filled = dict(_NORMALISED.get(classifier, {})) if isinstance(classifier, str) else {}
        return {**(_GEM if said.get("pool") == "gem" else {}), **filled, **said}

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.name is not None and self.model_fields_set != {"name"}:
            raise ValueError(
                f'name = "{self.name}" says all of a head; leave it out to choose another key'
            )
        if self.pool != "gem" and not (self.power is None and self.learn_power is None):
            raise ValueError(
                f'power and learn_power are of pool = "gem", and pool is "{self.pool}"; '
                "leave them out, or choose that"
            )
        if self.neck == "none" and (self.compared, self.tested) != ("before", "after"):
            raise ValueError(
                'compared and tested choose a side of the neck, and neck is "none"; leave them out'
            )
        _refuse_margins(self.classifier, self.scale, self.margin)
        return self

    @model_serializer(mode="wrap")
    def _said(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = write(self)
        if self.name is not None:
            return {"name": self.name}
        return {key: value for key, value in written.items() if value is not None}


_KEYS = frozenset(Head.model_fields)


def _refuse_margins(classifier: Classifier, scale: float | None, margin: float | None) -> None:
    """Raise `ValueError` for a scale or a margin that this classifier does not have, or too big."""
    if classifier == "linear" and not (scale is None and margin is None):
        raise ValueError(
            'classifier = "linear" has no scale and no margin; leave them out, or choose '
            f"one of {', '.join(_NORMALISED)}"
        )
    if classifier == "cosine" and margin is not None:
        raise ValueError(
            'classifier = "cosine" has no margin; leave it out, or choose one of '
            f"{', '.join(_MARGIN_ENDS)}"
        )
    if margin is not None and margin >= _MARGIN_ENDS[classifier]:
        raise ValueError(
            f'the margin of classifier = "{classifier}" is below '
            f"{_MARGIN_ENDS[classifier]:.4g}, not {margin:g}"
        )
