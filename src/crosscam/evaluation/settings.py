"""How a test is done, beside the model and the data: by which protocol, with which switches on."""

from dataclasses import asdict, dataclass, fields, replace
from math import isfinite
from typing import Self, get_args

from crosscam.errors import DataError, InputError
from crosscam.recipe import Testing
from crosscam.types import Pooling, Protocol, ReIDDataset

_LARGEST = 10**6
_RERANKING = (20, 6, 0.3)


@dataclass(frozen=True)
class EvaluationSettings:
    """The protocol and the switches; as it is, what published figures are measured by.

    protocol: by which rule; None is the data set's own, see `ReIDDataset`.
    flip: a feature is the mean of those of the picture and of its mirror image.
    multi_query: how the features of all images of the query's person and camera are pooled into
        the query's, elementwise; None for a query of one image.
    augment: into how many of its nearest neighbours' features each gallery feature is mixed, 0 for
        none (Turcot & Lowe 2009).
    expand: into how many nearest gallery features each query is mixed, 0 for none (Chum et al.
        2007), after the gallery was augmented.
    alpha: the weight of a neighbour in both is its similarity to this power (Radenović et al.
        2018).
    rerank: k-reciprocal re-ranking (Zhong et al. 2017) with `k1`, `k2` and `lambda_value`.

    Raises `InputError` for values out of range, for those of a switch that is off, and for switches
    that contradict the protocol.
    """

    protocol: Protocol | None = None
    flip: bool = False
    multi_query: Pooling | None = None
    augment: int = 0
    expand: int = 0
    alpha: float = 0.0
    rerank: bool = False
    k1: int = _RERANKING[0]
    k2: int = _RERANKING[1]
    lambda_value: float = _RERANKING[2]

    def __post_init__(self) -> None:
        self._refuse_values()
        self._refuse_contradictions()

    def _refuse_values(self) -> None:
        for name, known in (("protocol", get_args(Protocol)), ("multi_query", get_args(Pooling))):
            if getattr(self, name) not in (None, *known):
                raise InputError(
                    f"{name} must be one of {', '.join(known)}, not {getattr(self, name)!r}"
                )
        for name, least in (("augment", 0), ("expand", 0), ("k1", 1), ("k2", 1)):
            value = getattr(self, name)
            if not isinstance(value, int) or not least <= value <= _LARGEST:
                raise InputError(
                    f"{name} must be an integer from {least} to {_LARGEST}, not {value!r}"
                )
        if not (self.alpha >= 0 and isfinite(self.alpha)):
            raise InputError(f"alpha must be a number from 0, not {self.alpha}")
        if not 0 <= self.lambda_value <= 1:
            raise InputError(f"lambda must be from 0 to 1, not {self.lambda_value}")

    def _refuse_contradictions(self) -> None:
        if self.alpha and not self.is_expanding:
            raise InputError("alpha weighs the images of expand and augment; set one of them too")
        if not self.rerank and (self.k1, self.k2, self.lambda_value) != _RERANKING:
            raise InputError("k1, k2 and lambda are those of re-ranking; switch it on with rerank")
        if self.protocol == "single-shot" and (self.rerank or self.is_expanding):
            raise InputError(
                "re-ranking, expand and augment look at the whole gallery, of which the protocol "
                "single-shot draws one image a person; leave them out"
            )
        if self.protocol == "no-cameras" and self.multi_query is not None:
            raise InputError(
                "multi-query pools images of the query's camera, which the protocol no-cameras "
                "asks to be found; choose one of the two"
            )

    @classmethod
    def of(cls, testing: Testing) -> Self:
        """The settings in a recipe's `[test]`."""
        return cls(**{field.name: getattr(testing, field.name) for field in fields(cls)})

    @property
    def is_expanding(self) -> bool:
        """Whether features are mixed with those of their neighbours, and so have length 1."""
        return bool(self.augment or self.expand)

    @property
    def leaves_out_cameras(self) -> bool:
        """Whether gallery images of the query's person and camera are left out for it."""
        return self.protocol != "no-cameras"

    def resolve(self, dataset: ReIDDataset) -> Self:
        """The same with the protocol that `dataset` is tested by.

        Raises `DataError` if its pictures do not allow that, `InputError` if the switches do not.
        """
        protocol = self.protocol or dataset.protocol
        if not dataset.has_cameras and protocol == "cross-camera":
            if self.protocol is not None:
                raise DataError(
                    f"data set {dataset.name!r} has no camera ids, which the protocol cross-camera "
                    "needs; leave the protocol out"
                )
            protocol = "no-cameras"
        resolved = replace(self, protocol=protocol)
        _refuse_pictures(resolved, dataset)
        return resolved

    def in_words(self) -> str:
        """What differs from the usual test, for the name of a row; may be empty."""
        alpha = f" with alpha {self.alpha:g}" if self.alpha else ""
        protocol = "" if self.protocol in (None, "cross-camera") else str(self.protocol)
        words = (
            protocol.replace("-", " "),
            "flip" if self.flip else "",
            f"multi-query {self.multi_query}" if self.multi_query else "",
            f"gallery augmented by {self.augment}{alpha}" if self.augment else "",
            f"queries expanded by {self.expand}{alpha}" if self.expand else "",
            f"re-ranked with k1 {self.k1}, k2 {self.k2}, lambda {self.lambda_value:g}"
            if self.rerank
            else "",
        )
        return "; ".join(filter(None, words))

    def to_json(self) -> dict[str, str | bool | int | float | None]:
        """Every setting under its name, as `--json` files have them."""
        return asdict(self)


PLAIN = EvaluationSettings()


def _refuse_pictures(settings: EvaluationSettings, dataset: ReIDDataset) -> None:
    if settings.multi_query is not None and not dataset.multi_query:
        raise DataError(
            f"data set {dataset.name!r} was read without further images of its queries' people, "
            "which multi-query needs; market1501 has them, in its folder gt_bbox"
        )
    if dataset.has_cameras and settings.leaves_out_cameras:
        return
    found = {sample.path for sample in dataset.gallery}
    twice = sum(sample.path in found for sample in dataset.query)
    if twice:
        raise DataError(
            f"data set {dataset.name!r}: {twice} of {len(dataset.query)} queries are in the "
            "gallery too, and without the rule of cameras each would find itself; take them out, "
            "or use another protocol"
        )
