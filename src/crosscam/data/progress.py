"""The progress callback of reads that take long."""

from collections.abc import Callable

OnImages = Callable[[str, int], Callable[[int], None]]


def unwatched(_what: str, _total: int) -> Callable[[int], None]:
    """The `OnImages` that tells nobody.

    An `OnImages` is told what is about to be done with how many images, and returns what to tell
    how many more of them were done.
    """
    return lambda _count: None
