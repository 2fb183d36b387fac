"""What an engine is given: which shards of what, and how each process gets the model."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, Self

from crosscam.choices import Metric, Precision, Runtime
from crosscam.data.progress import OnImages, OnNote, unheard, unwatched
from crosscam.data.transforms import Preprocess
from crosscam.embedding.embedder import Embedder
from crosscam.embedding.load import load_embedder
from crosscam.features.making import Making
from crosscam.features.manifest import Manifest
from crosscam.weights.downloads import OnBytes

OnPictures = Callable[[int], None]  # told how many more pictures are done


@dataclass(frozen=True)
class Listeners:
    """Who is told: how far it is, what should be known, and how far a download of weights is."""

    on_images: OnImages = unwatched
    on_note: OnNote = unheard
    on_bytes: OnBytes | None = None


@dataclass(frozen=True)
class ModelSource:
    """A model by name, and how it is run, as `load_embedder` takes it.

    It is a plain value that can be sent to other processes, each of which loads it.
    """

    name: str
    device: str = "auto"
    architecture: str | None = None
    runtime: Runtime | Literal["auto"] = "auto"
    precision: Precision = "float32"
    preprocess: Preprocess | None = None
    metric: Metric | None = None

    def as_before(self, making: Making) -> Self:
        """The same, on the runtime that features were made by before, if none is asked for."""
        return replace(self, runtime=making.runtime) if self.runtime == "auto" else self

    def load(self, listeners: Listeners | None = None) -> Embedder:
        """The model, ready to embed."""
        heard = listeners or Listeners()
        return load_embedder(
            self.name,
            runtime=self.runtime,
            device=self.device,
            precision=self.precision,
            preprocess=self.preprocess,
            metric=self.metric,
            architecture=self.architecture,
            on_bytes=heard.on_bytes,
            on_note=heard.on_note,
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
