"""Compiling loops, where that can be done. Where it cannot, torch does the same work, equally."""

import functools
import importlib.util
import os
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

from crosscam.errors import CrosscamWarning

SWITCH = "CROSSCAM_COMPILE"
_Loop = TypeVar("_Loop", bound=Callable[..., Any])


def compiled_available() -> bool:
    """True where numba is installed and the environment variable CROSSCAM_COMPILE is not 0."""
    return os.environ.get(SWITCH) != "0" and importlib.util.find_spec("numba") is not None


def compiled(loop: _Loop) -> _Loop:
    """`loop` as numba compiles it on first use, without Python's lock, and kept in numba's cache.

    Where there is no cache, or it cannot be read or written, it is compiled in each process anew,
    which a `CrosscamWarning` says once.
    """
    import numba  # noqa: PLC0415

    dispatcher: Any = numba.njit(nogil=True)(loop)
    try:
        # What `cache=True` does, but with a cache that is only a convenience.
        dispatcher._cache = _lenient_cache(loop)  # noqa: SLF001
    except (RuntimeError, OSError) as error:  # numba has no place to keep it
        _say_uncached(_reason(error))
    typed: _Loop = dispatcher
    return typed


def _lenient_cache(loop: Callable[..., Any]) -> Any:
    from numba.core.caching import FunctionCache  # noqa: PLC0415

    class LenientCache(FunctionCache):
        """A cache whose faults are said and do no harm."""

        def load_overload(self, *arguments: Any) -> Any:
            """What is in the cache, None if it cannot be read, whatever is in the file."""
            try:
                return super().load_overload(*arguments)  # type: ignore[no-untyped-call]
            except Exception as error:  # noqa: BLE001 - a pickle that was cut short can raise any
                _say_uncached(_reason(error))
                return None

        def save_overload(self, *arguments: Any) -> None:
            """Keep it, if it can be written."""
            try:
                super().save_overload(*arguments)  # type: ignore[no-untyped-call]
            except Exception as error:  # noqa: BLE001
                _say_uncached(_reason(error))

    return LenientCache(loop)  # type: ignore[no-untyped-call]


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"its cache: {error.strerror}"
    if isinstance(error, RuntimeError):
        return "no folder for its cache can be written"
    return f"its cache is broken: {type(error).__name__}"


@functools.cache
def _say_uncached(reason: str) -> None:
    warnings.warn(
        f"numba does not keep what it compiles ({reason}), so that each process compiles anew, "
        "which takes some seconds; NUMBA_CACHE_DIR can name another folder for it",
        CrosscamWarning,
        stacklevel=2,
    )
