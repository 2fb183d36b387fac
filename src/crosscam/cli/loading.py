"""The model that a command is given, on the runtime that is asked for."""

import math
import re
from collections.abc import Callable

from crosscam.choices import Runtime
from crosscam.cli.commands.options import ModelOptions
from crosscam.data.transforms import IMAGENET_MEAN, IMAGENET_STD, Preprocess
from crosscam.embedding.embedder import Embedder
from crosscam.embedding.load import load_embedder
from crosscam.embedding.runtimes.onnx_embedder import is_onnx
from crosscam.errors import InputError
from crosscam.weights.downloads import OnBytes

_SIZE = re.compile(r"([1-9]\d{0,3})x([1-9]\d{0,3})")


def open_model(
    checkpoint: str,
    options: ModelOptions,
    *,
    runtime: Runtime,
    device: str,
    architecture: str | None = None,
    on_bytes: OnBytes | None = None,
    on_note: Callable[[str], None] | None = None,
) -> Embedder:
    """The embedder of a checkpoint, on `runtime` if no other is asked for; of an ONNX file its own.

    Raises what `load_embedder` raises, and `InputError` for a size or a spread that is none.
    """
    usual = "auto" if is_onnx(checkpoint) else runtime
    return load_embedder(
        checkpoint,
        runtime=options.runtime or usual,
        device=device,
        precision=options.precision,
        preprocess=preprocess_of(options),
        metric=options.metric,
        architecture=architecture,
        on_bytes=on_bytes,
        on_note=on_note,
    )


def preprocess_of(options: ModelOptions) -> Preprocess | None:
    """What --input, --mean and --std say is done to pictures; None if nothing is said."""
    if options.input_size is None:
        if options.mean is not None or options.std is not None:
            raise InputError("--mean and --std go with --input HEIGHTxWIDTH; give that, too")
        return None
    size = _SIZE.fullmatch(options.input_size)
    if size is None or max(int(side) for side in size.groups()) > 4096:
        raise InputError(f"--input is HEIGHTxWIDTH, such as 256x128, not {options.input_size!r}")
    mean, std = options.mean or IMAGENET_MEAN, options.std or IMAGENET_STD
    if not all(0 < spread < math.inf for spread in std) or not all(map(math.isfinite, mean)):
        raise InputError("--mean must be finite numbers, and --std must be above 0")
    height, width = (int(side) for side in size.groups())
    return Preprocess(height, width, mean, std)
