"""A small embedder to export, without a file of its own."""

import torch
from tiny import card

import crosscam
from crosscam.embedding.embedder import Embedder
from crosscam.embedding.network import TorchNetwork


def small_embedder(**changes):
    """An untrained `lightres` for pictures of 64 x 32, with a card."""
    torch.manual_seed(0)
    model = crosscam.create_model("lightres", num_classes=3).eval()
    about = card(model, architecture="lightres", weights_sha256="ab" * 32, **changes)
    return Embedder(
        TorchNetwork(model),
        about.input.to_preprocess(),
        about.metric,
        about.calibration,
        about,
        about.weights_sha256,
    )
