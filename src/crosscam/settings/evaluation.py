"""How a test is done, beside the model and the data: by which protocol, with which switches on."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import cache
from typing import Any, ClassVar, Self, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError

from crosscam.choices import K1, K2, LAMBDA
from crosscam.errors import DataError, InputError
from crosscam.settings.faults import explain_faults
from crosscam.settings.values import Count, CountOrNone, Flag, NotNegative, Share
from crosscam.types import Clothes, Metric, Pooling, Protocol, ReIDDataset, Sample


@dataclass(frozen=True)
class EvaluationSettings:
    """The protocol and the switches; as it is, what published figures are measured by.

    A recipe's `[test]` is one of these, too; see `Testing`.

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

    __pydantic_config__: ClassVar = ConfigDict(extra="forbid", allow_inf_nan=False)

    protocol: Protocol | None = None
    flip: Flag = False
    multi_query: Pooling | None = None
    augment: CountOrNone = 0
    expand: CountOrNone = 0
    alpha: NotNegative = 0.0
    rerank: Flag = False
    k1: Count = K1
    k2: Count = K2
    lambda_value: Share = LAMBDA

    def __post_init__(self) -> None:
        self._refuse_values()
        self._refuse_contradictions()

    def _refuse_values(self) -> None:
        own: Any = type(self)
        for name, kind in _kinds(own).items():
            value = getattr(self, name)
            try:
                kind.validate_python(value)
            except ValidationError as error:
                raise InputError(f"{name}: {error.errors()[0]['msg']}, not {value!r}") from None

    def _refuse_contradictions(self) -> None:
        if self.alpha and not self.is_expanding:
            raise InputError("alpha weighs the images of expand and augment; set one of them too")
        if not self.rerank and (self.k1, self.k2, self.lambda_value) != (K1, K2, LAMBDA):
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

    @property
    def is_expanding(self) -> bool:
        """Whether features are mixed with those of their neighbours, and so have length 1."""
        return bool(self.augment or self.expand)

    @property
    def leaves_out_cameras(self) -> bool:
        """Whether gallery images of the query's person and camera are left out for it."""
        return self.protocol != "no-cameras"

    @property
    def clothes(self) -> Clothes | None:
        """Which clothes true matches wear, beside the query's; None where it does not matter."""
        if self.protocol == "clothes-changing":
            return "other"
        return "same" if self.protocol == "same-clothes" else None

    def resolve(self, dataset: ReIDDataset) -> Self:
        """The same with the protocol that `dataset` is tested by.

        Whatever its labels and these settings decide about the test is decided here: raises
        `DataError` if its pictures do not allow it, `InputError` if the switches do not.
        """
        protocol = self.protocol or dataset.protocol
        if not dataset.has_cameras and protocol == "cross-camera":
            if self.protocol is not None:
                raise DataError(
                    f"data set {dataset.name!r} has no camera ids, which the protocol cross-camera "
                    "needs; leave the protocol out"
                )
            protocol = "no-cameras"
        if protocol in ("clothes-changing", "same-clothes") and not dataset.has_clothes:
            raise DataError(
                f"of data set {dataset.name!r} it is not known who wears which clothes, which the "
                f"protocol {protocol} needs; ltcc and prcc have them"
            )
        resolved = replace(self, protocol=protocol)
        if dataset.query:
            _refuse_pictures(resolved, dataset)
            _refuse_labels(resolved, dataset)
            _refuse_neighbours(resolved, dataset)
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


@dataclass(frozen=True)
class Testing(EvaluationSettings):
    """A recipe's `[test]`: how the trained model is tested, and its features are made and compared.

    batch_size: images that the model is given at a time.
    metric: by which features are compared, as they come.
    """

    __pydantic_config__: ClassVar = ConfigDict(extra="forbid", allow_inf_nan=False)

    batch_size: Count = 100
    metric: Metric = "euclidean"

    @property
    def settings(self) -> EvaluationSettings:
        """How it is tested, without the rest."""
        own = {field.name: getattr(self, field.name) for field in fields(EvaluationSettings)}
        return EvaluationSettings(**own)


def read_testing(table: Mapping[str, Any], *, source: str) -> Testing:
    """The `[test]` of a recipe in the file `source`. Raises `InputError` if it is none."""
    try:
        return TypeAdapter(Testing).validate_python(table)
    except ValidationError as error:
        raise InputError(
            f"{source}: no [test] of a recipe: {explain_faults(error, Testing)}"
        ) from None


@cache
def _kinds(settings: type[Any]) -> Mapping[str, TypeAdapter[Any]]:
    """What each field may be."""
    hints = get_type_hints(settings, include_extras=True)
    finite = ConfigDict(allow_inf_nan=False)
    return {field.name: TypeAdapter(hints[field.name], config=finite) for field in fields(settings)}


PLAIN = EvaluationSettings()


def _refuse_pictures(settings: EvaluationSettings, dataset: ReIDDataset) -> None:
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


def _refuse_labels(settings: EvaluationSettings, dataset: ReIDDataset) -> None:
    """Raise `DataError` if no query can be right, or one has no images to be pooled of."""
    seen: dict[int, set[tuple[int | None, int | None]]] = {}
    for sample in dataset.gallery:
        seen.setdefault(sample.pid, set()).add((sample.camid, sample.clothes))
    people = [sample for sample in dataset.query if sample.pid in seen]
    if not people:
        raise DataError(
            f"data set {dataset.name!r}: none of the people of its {len(dataset.query)} queries is "
            "in the gallery, so nothing can be found; look at its pids"
        )
    by_camera = dataset.has_cameras and settings.leaves_out_cameras
    if by_camera and not any(
        camid != sample.camid for sample in people for camid, _ in seen[sample.pid]
    ):
        raise DataError(
            f"data set {dataset.name!r}: none of its {len(dataset.query)} queries has an image of "
            f"its person from another camera in the gallery, which the protocol "
            f"{settings.protocol} asks for; look at its camids, or test it with "
            "--protocol no-cameras (in a recipe: --set test.protocol=no-cameras)"
        )
    if settings.clothes is not None and not any(
        _fits(sample, *one, settings) for sample in people for one in seen[sample.pid]
    ):
        raise DataError(
            f"data set {dataset.name!r}: none of its {len(dataset.query)} queries has an image of "
            f"its person in {settings.clothes} clothes from another camera in the gallery, which "
            f"the protocol {settings.protocol} asks for; test it with --protocol cross-camera"
        )
    if settings.multi_query is not None:
        _refuse_pooling(dataset)


def _fits(
    query: Sample, camid: int | None, clothes: int | None, settings: EvaluationSettings
) -> bool:
    """Whether a gallery image of the query's person counts as its match."""
    is_other_camera = camid is None or camid != query.camid
    return is_other_camera and (clothes == query.clothes) == (settings.clothes == "same")


def _refuse_pooling(dataset: ReIDDataset) -> None:
    if not dataset.multi_query:
        raise DataError(
            f"data set {dataset.name!r} was read without further images of its queries' people, "
            "which multi-query needs; market1501 has them, in its folder gt_bbox"
        )
    pooled = {(sample.pid, sample.camid) for sample in dataset.multi_query}
    for query in dataset.query:
        if (query.pid, query.camid) not in pooled:
            raise DataError(
                f"multi-query: there is no image of person {query.pid} in camera {query.camid} to "
                f"pool for the query {query.path}"
            )


def _refuse_neighbours(settings: EvaluationSettings, dataset: ReIDDataset) -> None:
    """Raise `DataError` if more neighbours are to be mixed in than there are."""
    size = len(dataset.gallery)
    for name, wanted, most in (
        ("expand", settings.expand, size),
        ("augment", settings.augment, size - 1),
    ):
        if wanted > most:
            raise DataError(
                f"data set {dataset.name!r}: {name} is {wanted}, but the gallery has {size} "
                f"images, so it can be at most {most}"
            )
