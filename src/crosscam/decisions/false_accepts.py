"""The false-accept rates at which decisions are judged, and how many accepts a rate allows."""

FARS = (0.001, 0.01, 0.1)
_SLACK = 1e-9  # so that 0.1 of 30 is 3 of them, whatever 0.1 is in binary


def allowed(far: float, count: float) -> int:
    """How many of `count` may be accepted for the rate not to be above `far`.

    0 means that there are too few to tell: one false accept is more than that.
    """
    return int(far * count + _SLACK)
