"""Which runtime is fastest for a model on this machine, among those that agree with torch.

It is found by trying all of them on a few images for a second or two, and kept in the cache
folder by all that it depends on.
"""

import platform
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor

from crosscam.choices import Precision, Runtime
from crosscam.data.progress import OnNote
from crosscam.devices import device_name, resolve_autocast
from crosscam.embedding.network import Network, TorchNetwork
from crosscam.embedding.runtimes.conversions import (
    converted,
    name_of,
    runtimes_folder,
    versions_of,
)
from crosscam.embedding.runtimes.onnx_network import OnnxNetwork, OnnxRuntime
from crosscam.embedding.runtimes.speeds import images_for, largest_distance, measure_speeds
from crosscam.errors import CrosscamError, RunError
from crosscam.extras import has_module
from crosscam.files import open_plain, write_text
from crosscam.models.base import ReIDModel
from crosscam.weights.saved import ModelCard

Measure = Callable[[Mapping[Runtime, Network], Tensor], dict[Runtime, float]]
AGREEMENT = 1e-5  # cosine distance of float32 features to those of torch
_MODULES: dict[OnnxRuntime, str] = {"onnx": "onnxruntime", "openvino": "openvino"}
_CONVERSION = ("onnx", "onnxscript")
_LONGEST = 1 << 16  # bytes of what is kept

Speed = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Distance = Annotated[float, Field(allow_inf_nan=False)]


class Measured(BaseModel):
    """What was found: images a second and the largest cosine distance to torch, by runtime.

    `facts` is all that it depends on; the distances are those to torch in float32.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    facts: dict[str, Any]
    speeds: dict[Runtime, Speed]
    distances: dict[Runtime, Distance]

    @property
    def fastest(self) -> Runtime:
        """The fastest of those that agree with torch, or in bf16, which cannot, of all."""
        agreeing = {
            runtime: speed
            for runtime, speed in self.speeds.items()
            if runtime == "torch"
            or self.facts.get("precision") != "float32"
            or self.distances.get(runtime, 2) <= AGREEMENT
        }
        return max(agreeing, key=agreeing.__getitem__, default="torch")

    def in_words(self) -> str:
        """What is taken, and why."""
        taken, precision = self.fastest, self.facts["precision"]
        parts = [f"runtime {taken} {precision}: {self.speeds.get(taken, 0):,.0f} images/s"]
        for runtime, speed in self.speeds.items():
            if runtime == taken:
                continue
            distance = self.distances.get(runtime, 2)
            far = precision == "float32" and runtime != "torch" and distance > AGREEMENT
            words = f", {distance:.1e} from torch" if far else ""
            parts.append(f"{runtime} {speed:,.0f}{words}")
        if precision != "float32":
            parts.append(f"up to {self.distances.get(taken, 2):.1e} from torch in float32")
        return ", ".join(parts)


def choose_network(
    model: ReIDModel,
    card: ModelCard,
    *,
    precision: Precision,
    on_note: OnNote,
    measure: Measure = measure_speeds,
) -> Network:
    """The network of a model on the fastest runtime that is installed and agrees with torch.

    That is torch without a measurement on a GPU, where nothing else is installed, and where the
    model cannot be converted. `on_note` is told what was taken and how fast it was. `measure` gives
    images a second, by runtime.
    """
    ours = TorchNetwork(model, autocast=precision == "bf16")
    runtimes = _others(ours, precision)
    if not runtimes:
        return ours
    facts = _facts(card, precision)
    found = _kept(facts)
    if found is None:
        others = _opened(model, card, runtimes, precision, on_note)
        if not others:
            return ours
        found = _measured(ours, others, card, facts, measure)
        _keep(found, on_note)
    else:
        wanted = [runtime for runtime in runtimes if runtime == found.fastest]
        others = _opened(model, card, wanted, precision, on_note)
    on_note(found.in_words())
    return ours if found.fastest == "torch" else others.get(found.fastest, ours)


def _others(ours: TorchNetwork, precision: Precision) -> list[OnnxRuntime]:
    """The runtimes besides torch that could be taken here."""
    if ours.device.type != "cpu":
        return []
    if not all(has_module(module) for module in _CONVERSION):
        return []
    if precision == "bf16":
        native = resolve_autocast("auto", torch.device("cpu"))
        return ["openvino"] if native and has_module("openvino") else []
    return [runtime for runtime, module in _MODULES.items() if has_module(module)]


def _opened(
    model: ReIDModel,
    card: ModelCard,
    runtimes: list[OnnxRuntime],
    precision: Precision,
    on_note: OnNote,
) -> dict[Runtime, Network]:
    """The model on each runtime that can take it; it is said of those that cannot."""
    networks: dict[Runtime, Network] = {}
    size = (card.input.height, card.input.width)
    for runtime in runtimes:
        try:
            onnx = converted(model, card, on_note=on_note)
            networks[runtime] = OnnxNetwork(onnx, runtime=runtime, size=size, precision=precision)
        except CrosscamError as error:
            on_note(f"without runtime {runtime}: {error}")
    return networks


def _measured(
    ours: TorchNetwork,
    others: dict[Runtime, Network],
    card: ModelCard,
    facts: dict[str, Any],
    measure: Measure,
) -> Measured:
    images = images_for((card.input.height, card.input.width))
    networks: dict[Runtime, Network] = {"torch": ours, **others}
    wanted = TorchNetwork(ours.model)(images, None)
    distances = {
        runtime: largest_distance(wanted, network(images, None))
        for runtime, network in networks.items()
    }
    return Measured(facts=facts, speeds=measure(networks, images), distances=distances)


def _facts(card: ModelCard, precision: Precision) -> dict[str, Any]:
    """All that the fastest runtime depends on, as JSON gives it back."""
    return {
        "weights": card.weights_sha256,
        "architecture": card.architecture,
        "input": [card.input.height, card.input.width],
        "memory_format": card.memory_format,
        "precision": precision,
        "processor": f"{platform.machine()} {device_name(torch.device('cpu'))}",
        "threads": torch.get_num_threads(),
        "versions": versions_of("crosscam", "torch", *_CONVERSION, *_MODULES.values()),
    }


def _file_for(facts: dict[str, Any]) -> Path:
    return runtimes_folder() / f"{name_of(facts)}.json"


def _kept(facts: dict[str, Any]) -> Measured | None:
    """What was found before, None if it was not, or if that cannot be read."""
    try:
        with open_plain(_file_for(facts)) as file:
            found = Measured.model_validate_json(file.read(_LONGEST))
    except (OSError, RunError, ValidationError):
        return None
    return found if found.facts == facts else None


def _keep(found: Measured, on_note: OnNote) -> None:
    try:
        write_text(_file_for(found.facts), found.model_dump_json(indent=2) + "\n")
    except (OSError, RunError) as error:
        on_note(f"the cache folder cannot be used ({error}), so this is measured each time")
