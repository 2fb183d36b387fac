"""Exporting a model: converted, run by its own runtime and compared, and only then in its place."""

import copy
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from crosscam.choices import Precision
from crosscam.data.people import load_people
from crosscam.data.progress import OnImages, unwatched
from crosscam.embedding.conversion import OPSET, refuse_missing_converter, to_onnx
from crosscam.embedding.embedder import Embedder
from crosscam.embedding.exported import ExportCard
from crosscam.embedding.load import load_embedder
from crosscam.embedding.network import Network, TorchNetwork
from crosscam.errors import ExportError, InputError
from crosscam.export.check import Check, check_export, refuse_other
from crosscam.export.cost import Cost, measure_cost
from crosscam.export.formats import Target, refuse_large, write_onnx, write_program
from crosscam.export.pixels import PixelInput
from crosscam.export.running import open_exported
from crosscam.export.smaller import (
    choose_pictures,
    halved,
    picture_batches,
    quantised,
    refuse_missing_tools,
)
from crosscam.extras import import_extra
from crosscam.files import quoted, replacing
from crosscam.models.base import set_memory_format
from crosscam.types import ReIDDataset
from crosscam.weights.saved import InputCard, ModelCard


@dataclass(frozen=True)
class ExportedModel:
    """A file that a model was exported to, its card, and what was found before it was kept.

    cost: what its precision cost, None for float32.
    """

    file: Path
    card: ExportCard
    check: Check
    cost: Cost | None


@dataclass(frozen=True, eq=False)
class _Plan:
    """What is to be exported: a network of its own on the CPU, and how."""

    network: nn.Module
    embedder: Embedder
    card: ModelCard
    to: Target
    with_preprocessing: bool
    precision: Precision
    pictures: Path | None

    def example(self) -> tuple[Tensor, ...]:
        """Two images as the exported model takes them, and their cameras if it does."""
        height, width = self.embedder.preprocess.height, self.embedder.preprocess.width
        images = torch.zeros(2, 3, height, width)
        if self.with_preprocessing:
            images = torch.zeros(2, height, width, 3, dtype=torch.uint8)
        with_cameras = self.embedder.network.uses_cameras
        return (images, torch.zeros(2, dtype=torch.int64)) if with_cameras else (images,)

    def export_card(self, cost: dict[str, float | str] | None) -> ExportCard:
        """What the file says of itself."""
        return ExportCard(
            card=self.card,
            opset=OPSET if self.to == "onnx" else None,
            has_preprocessing=self.with_preprocessing,
            precision=self.precision,
            cost=cost,
            cameras=self.embedder.network.known_cameras,
        )

    def opened(self, file: Path) -> Network:
        """What was written, on its own runtime."""
        return open_exported(
            file,
            self.to,
            original=self.embedder,
            with_preprocessing=self.with_preprocessing,
        )


def export_model(
    model: Embedder | str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    to: Target = "onnx",
    with_preprocessing: bool = False,
    half: bool = False,
    int8: str | os.PathLike[str] | None = None,
    cost_on: ReIDDataset | None = None,
    overwrite: bool = False,
    on_images: OnImages = unwatched,
) -> ExportedModel:
    """Write a model to one file for other runtimes, once it does there what it does here.

    `model` is an embedder on torch, or whatever `load_embedder` takes. The file is `out`: of ONNX,
    or with `to` as "torch-export" of `torch.export`. Its input is (N, 3, H, W) float32, resized and
    normalised, or, `with_preprocessing`, (N, H, W, 3) uint8 RGB of the model's size, for any N; its
    output (N, D) float32. A model that uses cameras takes their numbers as a second input,
    "camids", (N,) int64; a number that it does not know is of no camera. Card, preprocessing,
    metric and calibration are in it.

    Before the file is in its place its own runtime runs it on pictures of the built-in people, in
    batches of 1, 2 and 17: the cosine distance to the model's features must be under 1e-5, and the
    order in which they rank the pictures the same. `half`, float16, and `int8`, calibrated with at
    most 128 pictures of that folder, may differ; instead, what they cost in mAP is measured on
    `cost_on`, the built-in people if None, and said in the card. They are of ONNX alone.

    Raises `ExportError` where what was exported is not the model, leaving nothing, for a file that
    is there already unless `overwrite`; `ModelError` for one
    that torch cannot convert; `ExtraError` for packages that are missing; `InputError` for options
    that exclude each other; `DataError` for broken pictures; and what `load_embedder` raises.
    """
    file = Path(out)
    precision = _precision(to, half=half, int8=int8 is not None)
    refuse_place(file, overwrite=overwrite)
    _refuse_missing(to, precision)
    pictures = None if int8 is None else Path(int8)
    embedder = (
        model
        if isinstance(model, Embedder)
        else load_embedder(model, runtime="torch", device="cpu")
    )
    plan = _plan(embedder, to, precision, pictures, with_preprocessing=with_preprocessing)
    original = replace(embedder, network=TorchNetwork(plan.network))  # type: ignore[arg-type]
    plan = replace(plan, embedder=original)
    if with_preprocessing:
        plan = replace(plan, network=PixelInput(plan.network, embedder.preprocess).eval())
    dataset = None
    if precision != "float32":
        dataset = cost_on or load_people()
    with replacing(file) as beside:
        return replace(_export(plan, beside, dataset, on_images), file=file)


def refuse_place(file: Path, *, overwrite: bool) -> None:
    """Raise `ExportError` for a file that cannot be written, or that is there and is to stay."""
    if file.is_dir():
        raise ExportError(f"{quoted(file)} is a folder; give the name of a file")
    if file.exists() and not overwrite:
        raise ExportError(
            f"{quoted(file)} is there already; give another name, or say that it may be "
            "overwritten (--force)"
        )
    if not file.absolute().parent.is_dir():
        raise ExportError(f"there is no folder {quoted(file.parent)}; make it first")


def _export(
    plan: _Plan, beside: Path, dataset: ReIDDataset | None, on_images: OnImages
) -> ExportedModel:
    """Write, check, and where it costs something measure that and write it down."""
    converted: Any = None
    if plan.to == "onnx":
        converted = _converted(plan, beside)
        write_onnx(beside, converted, plan.export_card(None))
    else:
        write_program(beside, plan.network, plan.example(), plan.export_card(None))
    exported, original = plan.opened(beside), plan.embedder
    check = check_export(
        exported, original.network, preprocess=original.preprocess, metric=original.metric
    )
    if dataset is None:
        refuse_other(check)
        return ExportedModel(beside, plan.export_card(None), check, None)
    cost = measure_cost(original, exported, dataset, on_images=on_images)
    card = plan.export_card(cost.figures())
    write_onnx(beside, converted, card)
    return ExportedModel(beside, card, check, cost)


def _converted(plan: _Plan, beside: Path) -> Any:
    """An `onnx.ModelProto` of the precision that is wanted."""
    preprocess = plan.embedder.preprocess
    batches = None
    if plan.pictures is not None:  # read first, since converting takes longer
        chosen = choose_pictures(plan.pictures)
        batches = picture_batches(chosen, preprocess, as_pixels=plan.with_preprocessing)
    model = to_onnx(plan.network, *plan.example())
    if plan.precision == "float16":
        return halved(model)
    return model if batches is None else quantised(model, batches, beside)


def _plan(
    embedder: Embedder,
    to: Target,
    precision: Precision,
    pictures: Path | None,
    *,
    with_preprocessing: bool,
) -> _Plan:
    """Raise for a model that cannot be exported, else copy its network to the CPU."""
    if not isinstance(embedder.network, TorchNetwork):
        raise ExportError(
            "this model runs on another runtime than torch; export the one that it was made of"
        )
    if embedder.card is None:
        raise ExportError("this embedder's network was never saved, so it has no card to export")
    network = copy.deepcopy(embedder.network.model).cpu().eval()
    set_memory_format(network, "contiguous")
    if to == "onnx":
        refuse_large(network)
    changes = {
        "input": InputCard.of(embedder.preprocess),
        "metric": embedder.metric,
        "calibration": embedder.calibration,
    }
    card = embedder.card.model_copy(update=changes)
    return _Plan(network, embedder, card, to, with_preprocessing, precision, pictures)


def _precision(to: Target, *, half: bool, int8: bool) -> Precision:
    if to not in ("onnx", "torch-export"):
        raise InputError(f'a model is exported to "onnx" or "torch-export", not {to!r}')
    if half and int8:
        raise InputError("half and int8 exclude each other; give one of them")
    if to != "onnx" and (half or int8):
        raise InputError("half and int8 are of ONNX alone; leave them out, or export to onnx")
    return "float16" if half else "int8" if int8 else "float32"


def _refuse_missing(to: Target, precision: Precision) -> None:
    if to == "onnx":
        refuse_missing_converter()
        import_extra("onnxruntime", extra="onnx", purpose="checking an exported model")
    if precision != "float32":
        refuse_missing_tools()
