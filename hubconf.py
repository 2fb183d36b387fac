"""crosscam for `torch.hub`: an entry for each architecture, and `embedder` for a trained model.

    torch.hub.load("OWNER/crosscam", "osnet_x0_25", num_classes=751, weights="imagenet")
    torch.hub.load("OWNER/crosscam", "embedder", "hf://owner/name")

Nothing is installed: the package is imported from beside this file, unless it is there already.
"""

import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crosscam import Embedder

dependencies = ["numpy", "PIL", "platformdirs", "pydantic", "safetensors", "torch"]

if find_spec("crosscam") is None:
    sys.path.insert(0, str(Path(__file__).parent / "src"))


def embedder(
    name_or_path: str, *, device: str = "auto", architecture: str | None = None
) -> "Embedder":
    """A trained model, ready to embed pictures; see `crosscam.load_embedder`."""
    import crosscam  # noqa: PLC0415 - once its dependencies were looked for

    return crosscam.load_embedder(name_or_path, device=device, architecture=architecture)


def _architecture(name: str) -> Callable[..., Any]:
    def create(num_classes: int = 1, *, weights: str | None = None) -> Any:
        import crosscam  # noqa: PLC0415

        return crosscam.create_model(name, num_classes=num_classes, weights=weights)

    create.__name__ = name
    create.__doc__ = f"The network {name}: see `crosscam.create_model`."
    return create


def __getattr__(name: str) -> Callable[..., Any]:
    """The entry of an architecture."""
    if name.startswith("_") or name not in __dir__():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _architecture(name)


def __dir__() -> list[str]:
    """The entries, and the module's own names."""
    import crosscam  # noqa: PLC0415

    return sorted({*globals(), *crosscam.list_models()})
