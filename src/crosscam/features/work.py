"""What an engine is given: which shards of what, and how each process gets the model."""

from collections.abc import Callable
from dataclasses import dataclass

from crosscam.data.progress import OnImages, unwatched
from crosscam.embedding.embedder import Embedder
from crosscam.embedding.load import load_embedder
from crosscam.features.making import Making
from crosscam.features.manifest import Manifest
from crosscam.weights.downloads import OnBytes

OnPictures = Callable[[int], None]  # told how many more pictures are done


def _unheard(_note: str) -> None:
    """The `on_note` that tells nobody."""


@dataclass(frozen=True)
class Listeners:
    """Who is told: how far it is, what should be known, and how far a download of weights is."""

    on_images: OnImages = unwatched
    on_note: Callable[[str], None] = _unheard
    on_bytes: OnBytes | None = None


@dataclass(frozen=True)
class ModelSource:
    """A model by name, and how it is run, as `load_embedder` takes it.

    It is a plain value that can be sent to other processes, each of which loads it.
    """

    name: str
    device: str = "auto"
    architecture: str | None = None

    def as_before(self, making: Making) -> "ModelSource":
        """The same, run as features were made before where this leaves it open."""
        _ = making
        return self

    def load(self, listeners: Listeners | None = None) -> Embedder:
        """The model, ready to embed."""
        return load_embedder(
            self.name,
            runtime="torch",
            device=self.device,
            architecture=self.architecture,
            on_bytes=None if listeners is None else listeners.on_bytes,
        )


@dataclass(frozen=True)
class Work:
    """What there is to do, as plain values: the folder of the parts, what it is to hold, and how.

    `batch_size` pictures go through the network at a time, loaded by `workers` processes.
    """

    parts: str
    manifest: Manifest
    batch_size: int
    workers: int
    skip_broken: bool
