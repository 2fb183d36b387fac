"""Whether kernels can be compiled here. Where they cannot, torch does the same work, equally."""

import importlib.util
import os

SWITCH = "CROSSCAM_COMPILE"


def compiled_available() -> bool:
    """True where numba is installed and the environment variable CROSSCAM_COMPILE is not 0."""
    return os.environ.get(SWITCH) != "0" and importlib.util.find_spec("numba") is not None
