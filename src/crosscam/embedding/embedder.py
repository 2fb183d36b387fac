"""The embedder: a trained network with all that its use takes, as one value that never changes."""

import hashlib
import json
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from crosscam.arrays import is_floating, take_array
from crosscam.data.transforms import Preprocess
from crosscam.decisions.calibration import PRIOR, Calibration
from crosscam.embedding.boxes import box_fault, crop_batches, whole_boxes
from crosscam.embedding.extraction import batches_of, extract_features
from crosscam.embedding.network import Network, TorchNetwork
from crosscam.embedding.pictures import (
    ChannelOrder,
    Picture,
    check_frame,
    is_picture,
    prepare_pictures,
)
from crosscam.errors import CrosscamWarning, InputError
from crosscam.models.base import ReIDModel, default_preprocess
from crosscam.ranking.distances import in_units, pair_distances, product_distances
from crosscam.ranking.rows import Rows
from crosscam.types import Embeddings, Float64s, Metric
from crosscam.weights.saved import ModelCard

BATCH_SIZE = 64
Features = NDArray[np.floating[Any]] | Tensor | Embeddings


@dataclass(frozen=True, eq=False)
class Embedder:
    """A network, what it wants done to pictures, and what its features mean.

    network: what turns images into features; it is in eval mode and belongs to the embedder.
    preprocess: from a picture to the network's input.
    metric: by which features are to be compared: "euclidean" or "cosine", on them as they come.
    calibration: from distances to probabilities, None where it has none.
    card: what is known of the model, None where it was not saved.
    weights_sha256: of the file that the weights were read from or written to, None where there is
        none.

    It never changes: other weights, another preprocessing or a calibration make another embedder
    (`dataclasses.replace`), so that a calibration cannot outlive what it was fitted to.
    """

    network: Network
    preprocess: Preprocess
    metric: Metric = "euclidean"
    calibration: Calibration | None = None
    card: ModelCard | None = None
    weights_sha256: str | None = None

    @classmethod
    def of_network(
        cls,
        model: ReIDModel,
        preprocess: Preprocess | None = None,
        metric: Metric | None = None,
    ) -> Self:
        """The embedder of a bare network, of whose weights nothing is known.

        What is not given is what `load_model` says of the network; of one that was not loaded it is
        the size that it was designed for, and "euclidean".
        """
        own = getattr(model, "preprocess", None), getattr(model, "metric", None)
        return cls(
            TorchNetwork(model),
            preprocess or own[0] or default_preprocess(model),
            metric or own[1] or "euclidean",
        )

    @property
    def feature_dim(self) -> int:
        """D, the length of a feature."""
        return self.network.feature_dim

    @property
    def made_by(self) -> str | None:
        """A short name of the weights and the preprocessing, None where weights were not saved.

        A precision other than float32 is at its end; a runtime is not, since those agree. Features
        of equal names can be compared.
        """
        if self.weights_sha256 is None:
            return None
        changed = {
            field.name: getattr(self.preprocess, field.name)
            for field in fields(self.preprocess)
            if getattr(self.preprocess, field.name) != field.default
        }  # what is not as usual, so that a setting to come leaves the names that there are
        settings = json.dumps({"version": 1, **changed}, sort_keys=True)
        done = hashlib.sha256(settings.encode()).hexdigest()
        precision = self.network.precision
        reduced = "" if precision == "float32" else f"-{precision}"
        return f"{self.weights_sha256[:16]}-{done[:8]}{reduced}"

    def embed(
        self,
        images: Iterable[Picture],
        *,
        order: ChannelOrder = "rgb",
        camids: Iterable[int] | None = None,
        batch_size: int = BATCH_SIZE,
    ) -> NDArray[np.float32]:
        """The features of pictures, (N, D) float32, in their order, as the metric wants them.

        Each picture is a path, a PIL image or a (H, W, 3) uint8 array; they may be mixed, and come
        from a generator. They are opened by as many threads as torch has; those of a batch, and two
        a thread, are held at a time. `order` says how the channels of arrays lie: "rgb", or "bgr"
        as OpenCV reads them. It says nothing of paths and PIL images. `camids` are the cameras'
        numbers, one a picture; only a network that uses cameras looks at them. It takes pictures of
        a camera that it was not trained on as by the mean of its own, which a `CrosscamWarning`
        says.

        Raises `DataError` that names a broken file, and `InputError` for what is no picture, has no
        pixels, or is not of one length with `camids`, and for features that are not finite.
        """
        prepare, threads = self.preprocess.from_rgb, torch.get_num_threads()
        tensors = prepare_pictures(images, prepare, order=order, threads=threads)
        batches = batches_of(tensors, camids, batch_size)
        parts = [features for _, features in extract_features(self.network, batches)]
        found = torch.cat(parts) if parts else torch.zeros(0, self.feature_dim)
        _refuse_infinite(found)
        features: NDArray[np.float32] = found.numpy()
        return features

    def embed_boxes(
        self,
        frame: NDArray[np.uint8],
        boxes_xyxy: Any,
        *,
        order: ChannelOrder = "bgr",
        missing: Literal["error", "nan"] = "error",
        unit_length: bool | None = None,
        camid: int | None = None,
    ) -> NDArray[np.float32]:
        """The features of the crops of a frame, (N, D) float32, a row a box.

        `frame` is (H, W, 3) uint8, its channels in `order`: "bgr" as OpenCV gives them, else "rgb".
        `boxes_xyxy` are (N, 4): left, top, right, bottom in pixels, rounded to whole ones and cut
        to the frame. Where no usable picture is left of a box, `missing` says what is done: "error"
        raises `InputError`, "nan" gives a row of NaN. With `unit_length` the rows are divided by
        their Euclidean lengths, as trackers want them; else they are as `embed` gives them. `camid`
        is the number of the frame's camera, which only a network that uses cameras looks at.
        """
        if missing not in ("error", "nan"):
            raise InputError(f'missing is "error" or "nan", not {missing!r}')
        check_frame(frame, order=order)
        boxes = whole_boxes(boxes_xyxy, *frame.shape[:2])
        faults = [box_fault(box) for box in boxes]
        for place, fault in enumerate(faults):
            if fault is not None and missing == "error":
                raise InputError(f'box {place}: {fault}; leave it out, or say missing="nan"')
        places = np.flatnonzero([fault is None for fault in faults])
        rows = np.full((len(boxes), self.feature_dim), np.nan, dtype=np.float32)
        batches = crop_batches(
            frame, boxes, places, self.preprocess, order=order, size=BATCH_SIZE, camid=camid
        )
        for indices, features in extract_features(self.network, batches):
            _refuse_infinite(features)
            wanted = torch.nn.functional.normalize(features) if unit_length else features
            rows[indices.numpy()] = wanted.numpy()
        return rows

    def probabilities(
        self, features: Features, other_features: Features, *, prior: float = PRIOR
    ) -> Float64s:
        """How probable it is that each of N images shows the person of each of M others: (N, M).

        Both are (N, D) and (M, D) floating features of this embedder, NumPy or torch, or
        `Embeddings`. The result is float64 in [0, 1]; for `prior` see `same_person`. Raises
        `InputError` if there is no calibration. Gives a `CrosscamWarning` if the calibration, or
        the features, are of other weights or another preprocessing.
        """
        calibration = self._known_calibration()
        sides = self._checked(features, stacklevel=3), self._checked(other_features, stacklevel=3)
        distances = product_distances(*sides, calibration.metric).numpy()
        return calibration.probability(in_units(distances, calibration.metric), prior=prior)

    def same_person(
        self,
        one: Picture | Sequence[Picture] | Features,
        other: Picture | Sequence[Picture] | Features,
        *,
        order: ChannelOrder = "rgb",
        prior: float = PRIOR,
    ) -> float | Float64s:
        """How probable it is that two pictures show the same person, in [0, 1].

        Each of the two is a picture, as `embed` takes them; a sequence of N pictures; (N, D)
        floating features of this embedder, NumPy or torch; or `Embeddings`. For two pictures the
        result is a float, else (N,) float64, of the first with the first, the second with the
        second. `order` is that of the channels of arrays. `prior` in (0, 1) says how many of the
        pairs that you compare are of the same person, before you look: half, unless you know
        better.

        Raises `InputError` if there is no calibration, and for what does not pair. Gives a
        `CrosscamWarning` if the calibration, or the features, are of other weights or another
        preprocessing.
        """
        calibration = self._known_calibration()
        first, second = (self._features(given, order) for given in (one, other))
        if first.shape != second.shape:
            raise InputError(
                f"pairs need as many on both sides, and features of one length: "
                f"{tuple(first.shape)} and {tuple(second.shape)} do not pair"
            )
        distances = pair_distances(first, second, calibration.metric).numpy()
        probabilities = calibration.probability(
            in_units(distances, calibration.metric), prior=prior
        )
        single = is_picture(one) and is_picture(other)
        return float(probabilities[0]) if single else probabilities

    def _known_calibration(self) -> Calibration:
        calibration = self.calibration
        if calibration is None:
            raise InputError(
                "this model has no calibration, so its distances are no probabilities: train it "
                "with --set calibration.held_out=0.1, or run `crosscam calibrate` on a saved one"
            )
        if self.made_by is not None and self.made_by != calibration.made_by:
            warnings.warn(
                f"the calibration belongs to other weights or another preprocessing "
                f"({calibration.made_by}) than the model has ({self.made_by}): its probabilities "
                "may be off; calibrate it again",
                CrosscamWarning,
                stacklevel=3,
            )
        return calibration

    def _features(self, given: Any, order: ChannelOrder) -> Tensor:
        """(N, D) float32 features on the CPU, of pictures or as they were given."""
        if is_picture(given):
            return torch.from_numpy(self.embed([given], order=order))
        if isinstance(given, Embeddings | Tensor) or (
            isinstance(given, np.ndarray) and given.dtype != np.uint8
        ):
            return self._checked(given, stacklevel=5)
        if not isinstance(given, Sequence | np.ndarray):
            raise InputError(
                "give pictures, a sequence of them, (N, D) features or Embeddings, not "
                + type(given).__name__
            )
        return torch.from_numpy(self.embed(given, order=order))

    def _checked(self, given: Features, *, stacklevel: int) -> Tensor:
        if isinstance(given, Embeddings):
            self._warn_of_others(given, stacklevel + 1)
            given = given.features
        taken = take_array(given, "features")
        if taken.ndim != 2 or taken.shape[1] != self.feature_dim or not is_floating(taken):
            raise InputError(
                f"features of this model are (N, {self.feature_dim}) floating numbers, not "
                f"{tuple(taken.shape)} {taken.dtype}"
            )
        features = Rows.of(taken, "features", torch.device("cpu")).block(0, len(taken))
        _refuse_infinite(features)
        return features

    def _warn_of_others(self, given: Embeddings, stacklevel: int) -> None:
        calibration = self.calibration
        if calibration is not None and given.made_by not in (None, calibration.made_by):
            warnings.warn(
                f"these features were made by other weights, another preprocessing or another way "
                f"of testing ({given.made_by}) than the calibration is of ({calibration.made_by}): "
                "their probabilities may be off",
                CrosscamWarning,
                stacklevel=stacklevel + 1,
            )


def _refuse_infinite(features: Tensor) -> None:
    if not bool(torch.isfinite(features).all()):
        raise InputError(
            "some features are not finite: the weights are broken, or training diverged"
        )
