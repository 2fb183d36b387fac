"""A very small vision transformer, also in the place of a registered one."""

from functools import partial

import golden
from tiny import card

from crosscam.data.transforms import Preprocess
from crosscam.embedding.embedder import Embedder
from crosscam.embedding.network import TorchNetwork
from crosscam.models import registry
from crosscam.models.switches import Switched, Wanted
from crosscam.models.vit import SWITCHES, Shape, ViT
from crosscam.weights.saved import InputCard

TINY = Shape(32, depth=2, heads=2, hidden=48)


def tiny_vit(*, num_cameras=0, **switches):
    """One for 5 people, filled as `golden` fills models."""
    plain = {key: values[0] for key, values in SWITCHES.items()}
    return golden.fill(ViT(Wanted(5, num_cameras, plain | switches), shape=TINY))


def camera_embedder(camids):
    """The embedder of one that tells these cameras apart, for pictures of 64 x 32, with a card."""
    model = tiny_vit(num_cameras=len(camids), cameras="yes").eval()
    model.cameras.tell(camids)
    preprocess = Preprocess(64, 32, model.mean, model.std)
    about = card(
        model,
        architecture="vit_small:cameras=yes",
        num_cameras=len(camids),
        input=InputCard.of(preprocess),
        weights_sha256="cd" * 32,
    )
    return Embedder(
        TorchNetwork(model), preprocess, about.metric, None, about, about.weights_sha256
    )


def register_tiny(monkeypatch):
    """Let `vit_small` be a very small one."""
    switched = Switched(partial(ViT, shape=TINY), SWITCHES)
    monkeypatch.setitem(registry.SWITCHED, "vit_small", switched)
