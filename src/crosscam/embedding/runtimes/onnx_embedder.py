"""The embedder of an ONNX file: crosscam's, which says how it is used, or anyone's."""

import os
from importlib.metadata import version
from pathlib import Path

from crosscam.choices import Metric, Precision
from crosscam.data.progress import OnNote
from crosscam.data.transforms import Preprocess
from crosscam.embedding.embedder import Embedder
from crosscam.embedding.runtimes.onnx_file import OnnxModel, read_onnx
from crosscam.embedding.runtimes.onnx_network import OnnxNetwork, OnnxRuntime
from crosscam.errors import InputError, WeightsError
from crosscam.extras import has_module
from crosscam.screen import printable
from crosscam.weights.saved import InputCard, ModelCard, TrainingCard

_SUFFIX = ".onnx"
_USUAL = (256, 128)  # height and width
_UNKNOWN = "not known; ask whoever made the file"


def is_onnx(name_or_path: str | os.PathLike[str]) -> bool:
    """Whether this is the name of an ONNX file."""
    return Path(name_or_path).suffix.lower() == _SUFFIX


def open_onnx(
    path: str | os.PathLike[str],
    *,
    runtime: OnnxRuntime | None,
    precision: Precision,
    preprocess: Preprocess | None,
    metric: Metric | None,
    on_note: OnNote,
) -> Embedder:
    """The embedder of an ONNX file; `runtime` is ONNX Runtime where that is there, if not given.

    `preprocess` and `metric` are of a file that does not say them, and are refused for one that
    does. Raises `InputError` if it is not so, and what `read_onnx` and `OnnxNetwork` raise.
    """
    model = read_onnx(path)
    wanted = _preprocess_of(model, preprocess, metric)
    chosen = runtime or default_runtime(precision)
    size = (wanted.height, wanted.width)
    network = OnnxNetwork(model, runtime=chosen, size=size, precision=precision)
    if model.card is not None:
        card = model.card.card
    else:
        assert metric is not None
        card = _strangers_card(model, wanted, metric, network.feature_dim)
    if card.feature_dim != network.feature_dim:
        raise WeightsError(f"{model.source} is not what its card says; export it anew")
    if model.batch is not None:
        images = "1 image" if model.batch == 1 else f"{model.batch} images"
        on_note(f"{model.source} takes {images} at a time, whatever the batch")
    return Embedder(network, wanted, card.metric, card.calibration, card, card.weights_sha256)


def default_runtime(precision: Precision) -> OnnxRuntime:
    """ONNX Runtime; OpenVINO where that alone is installed, and for a precision of its own."""
    if has_module("openvino") and (precision == "bf16" or not has_module("onnxruntime")):
        return "openvino"
    return "onnx"


def _preprocess_of(
    model: OnnxModel, preprocess: Preprocess | None, metric: Metric | None
) -> Preprocess:
    if model.card is not None:
        if preprocess is not None or metric is not None:
            raise InputError(f"{model.source} says its own preprocessing and metric; give neither")
        return model.card.card.input.to_preprocess()
    if preprocess is None or metric is None:
        height, width = (side or usual for side, usual in zip(model.size, _USUAL, strict=True))
        raise InputError(
            f"{model.source} does not say how pictures are prepared for it, nor how its features "
            f"are compared; say both: preprocess=Preprocess({height}, {width}) and metric, or "
            f"--input {height}x{width} (with --mean and --std if these are not ImageNet's) and "
            '--metric, most often "cosine"'
        )
    return preprocess


def _strangers_card(
    model: OnnxModel, preprocess: Preprocess, metric: Metric, feature_dim: int
) -> ModelCard:
    """What can be said of a file that says nothing itself."""
    name = Path(model.source.strip("'\"")).name
    return ModelCard(
        crosscam=version("crosscam"),
        architecture=printable(Path(name).stem)[:200],
        num_classes=1,
        feature_dim=feature_dim,
        input=InputCard.of(preprocess),
        metric=metric,
        memory_format="contiguous",
        trained_on=TrainingCard(
            data="not known",
            identities=None,
            images=None,
            fingerprint=None,
            terms=_UNKNOWN,
            initial_weights=None,
        ),
        licence=_UNKNOWN,
        source=f"{printable(name)[:500]}, SHA-256 {model.sha256}",
        recipe={},
        scores={},
        weights_sha256=model.sha256,
    )
