"""ImageNet weights for a start: torchvision's first ones, the published rows' own.

A file is taken from where torchvision keeps it, or fetched once from where torchvision does, and
believed only if its SHA-256 begins as its name says.
"""

import hashlib
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path

import torch

from crosscam.errors import WeightsError
from crosscam.models.base import ReIDModel
from crosscam.models.weights import LoadedWeights, fit_weights, read_weights

IMAGENET_FILES: Mapping[str, str] = {
    "resnet18": "resnet18-f37072fd.pth",
    "resnet50": "resnet50-0676ba61.pth",
}
_BASE_URL = "https://download.pytorch.org/models/"
_TIMEOUT_SECONDS = 30


def load_imagenet(
    model: ReIDModel,
    name: str,
    *,
    path: Path | None = None,
    base_url: str = _BASE_URL,
) -> LoadedWeights:
    """Put torchvision's ImageNet weights of the architecture `name` into `model`.

    `path` is the file where the user has it; without, torchvision's own cache is looked into, and
    then `base_url` is asked. Raises `WeightsError` if there are none for this architecture, if the
    file's hash is wrong, or if it cannot be had: the message says which file to put where.
    """
    if name not in IMAGENET_FILES:
        raise WeightsError(
            f"there are no ImageNet weights for {name}, only for "
            f"{', '.join(sorted(IMAGENET_FILES))}; use --set weights=none, or give a path"
        )
    file = path or _cached(IMAGENET_FILES[name], base_url)
    _check_hash(file, IMAGENET_FILES[name])
    weights = {key: value for key, value in read_weights(file).items() if not key.startswith("fc.")}
    return fit_weights(model, weights, source=str(file))


def is_imagenet_name(name: str, weights: str | os.PathLike[str]) -> bool:
    """Whether `weights` asks for ImageNet weights by a name, not by a path."""
    return weights in ("imagenet", "IMAGENET1K_V1", IMAGENET_FILES.get(name))


def is_imagenet_file(name: str, path: Path) -> bool:
    """Whether the file at `path` is torchvision's for `name`, by its hash, or claims to be."""
    if name not in IMAGENET_FILES or not path.is_file():
        return False
    own = IMAGENET_FILES[name]
    return path.name == own or _sha256(path).startswith(_hash_prefix(own))


def _cached(file_name: str, base_url: str) -> Path:
    file = Path(torch.hub.get_dir()) / "checkpoints" / file_name
    if file.is_file():
        return file
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with _socket_timeout(_TIMEOUT_SECONDS):
            torch.hub.download_url_to_file(
                base_url + file_name, str(file), hash_prefix=_hash_prefix(file_name), progress=False
            )
    except (HTTPException, OSError, RuntimeError) as error:
        raise WeightsError(
            f"the ImageNet weights could not be fetched ({error}); get {base_url}{file_name} on a "
            f"machine that can, put it at {file}, or give its path with --set weights=PATH; "
            "--set weights=none starts at random instead"
        ) from None
    return file


def _check_hash(file: Path, file_name: str) -> None:
    found = _sha256(file)
    if not found.startswith(_hash_prefix(file_name)):
        raise WeightsError(
            f"{file} is not torchvision's {file_name}: its SHA-256 begins with {found[:8]}; "
            "the file is broken or another one: remove it and get it again"
        )


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _hash_prefix(file_name: str) -> str:
    return Path(file_name).stem.rsplit("-", 1)[1]


@contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
