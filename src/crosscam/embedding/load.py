"""A trained model by name or by path, ready to embed pictures."""

import os

from crosscam.devices import resolve_device
from crosscam.embedding.embedder import Embedder
from crosscam.embedding.network import TorchNetwork
from crosscam.weights.downloads import OnBytes
from crosscam.weights.load import open_model


def load_embedder(
    name_or_path: str | os.PathLike[str],
    *,
    device: str = "auto",
    architecture: str | None = None,
    on_bytes: OnBytes | None = None,
) -> Embedder:
    """A trained model with its preprocessing, metric, calibration and card.

    `name_or_path` is a run's folder or the `model.safetensors` in it; a published checkpoint such
    as `resnet50_xent_market1501.pth.tar`, whose model is told by the beginning of its name or by
    `architecture`; or the name of published weights, such as `resnet50-xent-market1501`, which are
    looked for on this machine and then fetched. `device` is "auto", a GPU where there is one, or a
    name that torch knows. `on_bytes` is told how far a download is: bytes so far, and in all where
    that is known.

    Nothing in a file is executed. Raises `WeightsError` if there is no such model, if it cannot be
    had, or if the file is not what it should be, and `DeviceError` for a device that is not here.
    """
    place = resolve_device(device)
    model, card = open_model(name_or_path, architecture=architecture, on_bytes=on_bytes)
    return Embedder(
        TorchNetwork(model.to(place)),
        card.input.to_preprocess(),
        card.metric,
        card.calibration,
        card,
        card.weights_sha256,
    )
