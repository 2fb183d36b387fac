"""The pass over a product that picks candidates for neighbours, as a compiled loop."""

import numpy as np
from numpy.typing import NDArray

from crosscam.ranking.compiling import compiled
from crosscam.types import Int64s

Float32s = NDArray[np.float32]
_STEP = 32  # values looked at together


@compiled
def pick_candidates(
    block: Float32s,
    slack: Float32s,
    best: Float32s,
    lowest: Float32s,
    lowest_at: Int64s,
    left: int,
    columns: NDArray[np.int32],
    counts: Int64s,
) -> None:
    """For each row of the block, the columns whose value is at least its k-th best less the slack.

    `best` (b, k) holds the best so far, falling, and is kept so; so are the lowest value and where
    it is, counted from `left` on. Row i's columns go into columns[i], their number into counts[i].
    """
    for row in range(len(block)):
        values, top, count = block[row], best[row], 0
        for start in range(0, len(values), _STEP):
            stop = min(start + _STEP, len(values))
            floor, least = top[-1] - slack[row], lowest[row]
            some = False
            for column in range(start, stop):  # without a branch, so many at a time
                some |= (values[column] >= floor) | (values[column] < least)
            if not some:
                continue
            for column in range(start, stop):
                value = values[column]
                if value >= floor:
                    columns[row, count] = column
                    count += 1
                    _insert(top, value)
                    floor = top[-1] - slack[row]
                if value < lowest[row]:
                    lowest[row], lowest_at[row] = value, left + column
        counts[row] = count


@compiled
def _insert(falling: Float32s, value: float) -> None:
    place = len(falling) - 1
    if value <= falling[place]:
        return
    while place > 0 and falling[place - 1] < value:
        falling[place] = falling[place - 1]
        place -= 1
    falling[place] = value
