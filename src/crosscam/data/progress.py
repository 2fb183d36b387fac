"""Who is told while something takes long: how far it is, and what should be known."""

from collections.abc import Callable

OnImages = Callable[[str, int], Callable[[int], None]]
OnNote = Callable[[str], None]


def unwatched(_what: str, _total: int) -> Callable[[int], None]:
    """The `OnImages` that tells nobody.

    An `OnImages` is told what is about to be done with how many images, and returns what to tell
    how many more of them were done.
    """
    return lambda _count: None


def unheard(_note: str) -> None:
    """The `OnNote` that tells nobody."""
