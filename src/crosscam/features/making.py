"""What made the features of a file, which stands in it."""

import platform
from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict

from crosscam.choices import Metric, Precision, Runtime
from crosscam.embedding.embedder import Embedder
from crosscam.errors import InputError

_PACKAGES: dict[Runtime, tuple[str, ...]] = {
    "torch": ("torch",),
    "onnx": ("torch", "onnxruntime"),
    "openvino": ("torch", "openvino"),
}


class Making(BaseModel):
    """Which model, preprocessing, runtime and precision made features; JSON in a file of them.

    `made_by` is as `Embedder.made_by` says it, `model` what the model was called when it was
    loaded, `preprocess` the fields of its preprocessing. `versions` are those of the packages that
    computed, and no part of what must be equal.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    format: Literal[1] = 1
    made_by: str
    metric: Metric
    runtime: Runtime
    precision: Precision
    model: str
    preprocess: dict[str, Any]
    flip: bool
    versions: dict[str, str]

    @classmethod
    def of(cls, embedder: Embedder, *, model: str, flip: bool) -> Self:
        """What an embedder makes. Raises `InputError` for one whose weights have no file."""
        if embedder.made_by is None:
            raise InputError("features on disk are of weights on disk; save the model first")
        runtime = embedder.network.runtime
        preprocess = asdict(embedder.preprocess)
        return cls(
            made_by=f"{embedder.made_by}-flip" if flip else embedder.made_by,
            metric=embedder.metric,
            runtime=runtime,
            precision=embedder.network.precision,
            model=model,
            preprocess={name: _plain(value) for name, value in preprocess.items()},
            flip=flip,
            versions=_versions(runtime),
        )

    def differences(self, other: "Making") -> Iterator[str]:
        """What another one has otherwise, in words, as far as features depend on it."""
        if (self.made_by.partition("-")[0]) != (other.made_by.partition("-")[0]):
            yield f"the model was {self.model}, now {other.model} with other weights"
        for name in ("runtime", "precision", "preprocess", "metric", "flip"):
            before, now = getattr(self, name), getattr(other, name)
            if before != now:
                yield f"{name} was {before}, now {now}"


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _versions(runtime: Runtime) -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in ("crosscam", "numpy", "pillow", *_PACKAGES[runtime]):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found
