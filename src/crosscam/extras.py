"""Packages that only some parts need, imported when used, and named where they are missing."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from crosscam.errors import ExtraError


def import_extra(module: str, *, extra: str, purpose: str) -> Any:  # a module need not be there
    """The module of that name, which the extra of that name installs.

    `purpose` says what needs it, as the subject of a sentence: "writing Parquet files". Raises
    `ExtraError`, which says how to install it, if it is not there or cannot be imported.
    """
    try:
        return import_module(module)
    except ImportError as error:
        words = "is not installed" if not has_module(module) else f"cannot be imported ({error})"
        package = module.partition(".")[0]
        raise ExtraError(
            f"{purpose} needs {package}, which {words}: pip install 'crosscam[{extra}]'"
        ) from None


def has_module(module: str) -> bool:
    """Whether a package is installed, without importing it."""
    return find_spec(module.partition(".")[0]) is not None
