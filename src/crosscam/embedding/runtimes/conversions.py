"""A model of torch as ONNX, converted once and then kept in the cache folder."""

import hashlib
import json
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from crosscam.data.progress import OnNote
from crosscam.embedding.conversion import example_of, to_onnx
from crosscam.embedding.runtimes.onnx_file import OnnxModel, check_onnx, read_onnx
from crosscam.errors import CrosscamError, ModelError, RunError
from crosscam.files import cache_folder, one_at_a_time, replacing, sha256_of, write_text
from crosscam.models.base import ReIDModel
from crosscam.weights.reading import one_line
from crosscam.weights.saved import ModelCard

_CONVERTERS = ("crosscam", "torch", "onnx", "onnxscript")


def converted(model: ReIDModel, card: ModelCard, *, on_note: OnNote) -> OnnxModel:
    """The model, in eval mode and float32 on the processor, as ONNX for images of its card's size.

    It is kept by the hash of the weights and the versions of all that had a part in it, with its
    own hash beside it, and made again where these do not agree. `on_note` is told that it is made,
    which takes some seconds, and if it cannot be kept. Raises `ModelError` for a model that cannot
    be converted, and `ExtraError` where that needs a package that is not installed.
    """
    try:
        file = runtimes_folder() / f"{_key(card)}.onnx"
        with one_at_a_time(file.parent / "lock"):
            kept = _kept(file, cameras_of(model))
            if kept is None:
                kept = _made(model, card, on_note)
                _keep(kept, file)
            return kept
    except (OSError, RunError) as error:
        on_note(f"the cache folder cannot be used ({error}); what is converted is not kept")
        return _made(model, card, on_note)


def cameras_of(model: ReIDModel) -> tuple[int, ...] | None:
    """The cameras that a model tells apart, None where it does not use them."""
    return None if model.cameras is None else model.cameras.known


def runtimes_folder() -> Path:
    """Where conversions and measurements are kept, made if need be.

    Raises `OSError` or `RunError` where there can be none.
    """
    folder = cache_folder() / "runtimes"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def versions_of(*packages: str) -> dict[str, str]:
    """The versions of packages, "none" of those that are not installed."""
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "none"
    return found


def name_of(facts: object) -> str:
    """A short name of facts, plain values of JSON; other facts have another."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:40]


def _key(card: ModelCard) -> str:
    head = None if card.head is None else card.head.model_dump(mode="json")
    size = [card.input.height, card.input.width]
    built = [card.weights_sha256, card.architecture, card.num_classes, head, size]
    return name_of([built, versions_of(*_CONVERTERS)])


def _kept(file: Path, cameras: tuple[int, ...] | None) -> OnnxModel | None:
    """What was kept, None if it is not there, or not as it was written."""
    try:
        hashed = _hash_file(file).read_text(encoding="ascii", errors="replace").strip()
        return read_onnx(file, cameras=cameras) if hashed == sha256_of(file) else None
    except (FileNotFoundError, CrosscamError):
        return None


def _keep(model: OnnxModel, file: Path) -> None:
    with replacing(file) as beside:
        beside.write_bytes(model.content)
    write_text(_hash_file(file), model.sha256 + "\n")


def _hash_file(file: Path) -> Path:
    return file.with_suffix(".sha256")


def _made(model: ReIDModel, card: ModelCard, on_note: OnNote) -> OnnxModel:
    on_note(f"converting {card.architecture} to ONNX, once")
    try:
        proto = to_onnx(model, *example_of(model, (card.input.height, card.input.width)))
    except CrosscamError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever torch's exporter cannot do
        fault = one_line(str(error.__cause__ or error)) or type(error).__name__
        raise ModelError(
            f"{card.architecture} cannot be converted to ONNX: {fault}; use runtime torch"
        ) from None
    content = proto.SerializeToString()
    return check_onnx(proto, content, card.architecture, cameras=cameras_of(model))
