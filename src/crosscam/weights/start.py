"""What a model starts from: the file that `weights` asks for, wherever that is."""

import hashlib
import os
import re
from dataclasses import replace
from pathlib import Path, PurePosixPath

import torch

from crosscam.errors import DownloadError, WeightsError
from crosscam.files import safe_name
from crosscam.models.base import ReIDModel
from crosscam.models.heads import HeadedModel
from crosscam.models.lightmbn import LightMBN
from crosscam.models.registry import outline_model
from crosscam.weights.downloads import OnBytes, fetch
from crosscam.weights.fitting import LoadedWeights, fit_weights, own_names
from crosscam.weights.imagenet import (
    FETCHED_BY_HAND,
    file_by_hand,
    imagenet_file,
    is_imagenet_file,
    is_imagenet_name,
    known_imagenet_file,
    load_imagenet,
    start_name,
)
from crosscam.weights.reading import StateDict, read_checkpoint
from crosscam.weights.saved import WEIGHTS_FILE
from crosscam.weights.self_supervised import TEACHER, take_backbone

_NETWORK = "network."  # what the names of a network's weights begin with beside a head


def start_from(
    model: ReIDModel,
    name: str,
    weights: str | os.PathLike[str],
    *,
    on_bytes: OnBytes | None = None,
) -> LoadedWeights:
    """Put `weights` into `model`, of the architecture `name`; see `create_model` for both.

    Raises `WeightsError` if they cannot be had, which says which file to put where, or do not fit.
    """
    path = find_start(name, weights, on_bytes)
    network = model.network if isinstance(model, HeadedModel) else model
    if is_imagenet_file(name, path):
        return load_imagenet(network, name, path)
    checkpoint, source = read_checkpoint(path), str(path)
    taken, remarks = take_backbone(checkpoint.weights, network)
    if checkpoint.under == TEACHER:
        remarks = ("of its sets of weights the teacher's was taken", *remarks)
    if isinstance(model, HeadedModel):
        loaded = _fit_headed(model, taken, source=source)
    elif isinstance(model, LightMBN):
        loaded = _fit_branches(model, taken, source=source)
    else:
        loaded = _fit_network(model, taken, source=source)
    return replace(loaded, remarks=(*remarks, *loaded.remarks))


def _fit_branches(model: LightMBN, weights: StateDict, *, source: str) -> LoadedWeights:
    """Put weights of a LightMBN into `model`; or those of an OSNet, into each of its branches."""
    own = model.state_dict().keys()
    if not own.isdisjoint(own_names(weights, model, source=source)[0]):
        return fit_weights(model, weights, source=source)
    osnet = outline_model("osnet_x1_0", num_classes=1)
    named, prefix = own_names(weights, osnet, source=source)
    spread = dict(model.adapt_start(named))
    return replace(fit_weights(model, spread, source=source, new=model.head_names), prefix=prefix)


def _fit_headed(model: HeadedModel, weights: StateDict, *, source: str) -> LoadedWeights:
    """Put weights of a model with a head into `model`; or those of its network without its end.

    Of a model with another head they are the network's alone, too.
    """
    named, prefix = own_names(weights, model, source=source)
    network = {
        name.removeprefix(_NETWORK): value
        for name, value in named.items()
        if name.startswith(_NETWORK)
    }
    if network and _has_another_head(named, model):
        remark = "it is of a model with another head; this one's starts at random"
        loaded = fit_weights(model.network, network, source=source)
        return replace(loaded, prefix=prefix, remarks=(remark,))
    if network:
        return fit_weights(model, weights, source=source)
    return _fit_network(model.network, weights, source=source, without=model.network.own_end)


def _fit_network(
    network: ReIDModel, weights: StateDict, *, source: str, without: tuple[str, ...] = ()
) -> LoadedWeights:
    """Put weights by other hands, too, into a network, of which the modules `without` are gone."""
    named, prefix = own_names(weights, network, source=source)
    gone = tuple(f"{part}." for part in without)
    rest = {name: value for name, value in named.items() if not name.startswith(gone)}
    try:
        adapted = network.adapt_start(rest)
    except WeightsError as error:
        raise WeightsError(f"{source}: {error}") from None
    return replace(fit_weights(network, adapted, source=source), prefix=prefix)


def _has_another_head(weights: StateDict, model: HeadedModel) -> bool:
    """Whether weights are of a network with a head, but not with the layers of this one.

    Classifiers of any number of people are alike.
    """
    rest = weights.keys() - model.constants.keys()
    theirs = {name for name in rest if name.startswith(model.head_names)}
    if not all(name.startswith((_NETWORK, *model.head_names)) for name in rest):
        return False
    own = {n: value for n, value in model.state_dict().items() if n.startswith(model.head_names)}
    optional = (*model.training_only, "neck.norm.num_batches_tracked")
    needed = {name: value.shape for name, value in own.items() if not name.startswith(optional)}
    return not theirs <= own.keys() or any(
        name not in theirs or weights[name].shape != shape for name, shape in needed.items()
    )


def find_start(name: str, weights: str | os.PathLike[str], on_bytes: OnBytes | None) -> Path:
    """The file that a model of the architecture `name` starts from, fetched if it has to be.

    A path is returned as it is, of a run's folder that of its weights. Raises `WeightsError` for
    what cannot be had.
    """
    cache = Path(torch.hub.get_dir()) / "checkpoints"
    if isinstance(weights, str) and "://" in weights:
        return _find_by_url(name, weights, cache, on_bytes)
    if weights in ("imagenet", "IMAGENET1K_V1") and start_name(name) in FETCHED_BY_HAND:
        return file_by_hand(name, cache)
    if is_imagenet_name(name, weights) and not Path(weights).is_file():
        known = imagenet_file(name)
        return _kept(known.url, cache / known.name, known.sha256, on_bytes)
    return Path(weights) / WEIGHTS_FILE if Path(weights).is_dir() else Path(weights)


def _find_by_url(name: str, url: str, cache: Path, on_bytes: OnBytes | None) -> Path:
    """A file of known hash is kept as torchvision keeps it; others apart for every address.

    For `model.safetensors` of one address is not that of another.
    """
    path = re.split("[?#]", url.partition("://")[2])[0].partition("/")[2]
    file_name = PurePosixPath(path).name
    if file_name in ("", ".."):
        raise WeightsError(f"{url} names no file; give the address of a file of weights")
    known = known_imagenet_file(name)
    if known is not None and file_name == known.name:
        return _kept(url, cache / file_name, known.sha256, on_bytes)
    address = hashlib.sha256(url.encode()).hexdigest()[:16]
    return _kept(url, cache / address / safe_name(file_name), None, on_bytes)


def _kept(url: str, file: Path, sha256: str | None, on_bytes: OnBytes | None) -> Path:
    if file.is_file():
        return file
    what = "the weights" if sha256 is None else "the ImageNet weights"
    try:
        fetch(url, file, sha256=sha256, what=what, on_bytes=on_bytes)
    except DownloadError as error:
        raise WeightsError(
            f"{error}; or get {url} on a machine that can, put it at {file}, or give its path "
            "with --set weights=PATH; --set weights=none starts at random instead"
        ) from None
    return file
