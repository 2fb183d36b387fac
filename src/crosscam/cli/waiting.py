"""How the threads that compute wait for one another, which is said before torch is imported."""

from collections.abc import MutableMapping

_SAID_BY = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME", "KMP_LIBRARY")


def wait_passively(environment: MutableMapping[str, str]) -> None:
    """Let OpenMP's threads sleep while they wait, unless `environment` says how they are to.

    By themselves they spin, which is as quick on a machine that does nothing else, and several
    times as slow where another process keeps one of the cores busy.
    """
    if not any(name in environment for name in _SAID_BY):
        environment["OMP_WAIT_POLICY"] = "PASSIVE"
