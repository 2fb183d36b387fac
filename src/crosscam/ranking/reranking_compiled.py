"""The sparse part of re-ranking as a compiled loop."""

import numpy as np
from numpy.typing import NDArray

from crosscam.ranking.compiling import compiled
from crosscam.types import Int64s


@compiled
def shared_weight(
    starts: Int64s,
    columns: NDArray[np.int32],
    values: NDArray[np.float32],
    image_starts: Int64s,
    images: NDArray[np.int32],
    image_values: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """Sums of the smaller values of each row of a sparse matrix and all rows of another into `out`.

    The first is given by rows, as many as `out` has; the second by columns: column c holds
    image_values at the rows images, both [image_starts[c] : image_starts[c + 1]].
    """
    sums = np.empty(out.shape[1])
    for row in range(len(out)):
        sums[:] = 0
        for entry in range(starts[row], starts[row + 1]):
            value, column = values[entry], columns[entry]
            for place in range(image_starts[column], image_starts[column + 1]):
                sums[images[place]] += min(value, image_values[place])
        for image in range(len(sums)):
            out[row, image] = sums[image]
