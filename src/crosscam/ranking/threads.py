"""Sharing rows out among threads, for compiled loops that let go of Python's lock."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch

_SHARES = 4  # a thread, so that one with costly rows does not keep the others waiting


def share_rows(work: Callable[[slice], None], count: int) -> None:
    """Call `work` on slices that together are all of `count` rows, in as many threads as torch."""
    workers = torch.get_num_threads()
    if workers == 1:
        work(slice(0, count))
        return
    step = max(1, -(-count // (_SHARES * workers)))
    slices = [slice(start, min(start + step, count)) for start in range(0, count, step)]
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(work, slices))
