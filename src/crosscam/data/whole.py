"""A data set with all of its people to train on, those that it tests on too.

Studies of domain generalisation train so, because they test on other data sets.
"""

from dataclasses import replace

from crosscam.types import ReIDDataset, Sample

_DISTRACTOR = 0


def train_on_all(
    dataset: ReIDDataset,
    *,
    name: str,
    numbered_apart: bool = False,
    has_distractors: bool = False,
) -> ReIDDataset:
    """The images of train, query and gallery, in that order, to train on; nothing to test on.

    Where people of train and of test are `numbered_apart`, those of test get the numbers after
    those of train. Where it `has_distractors`, those of pid 0, who are many people, are left out,
    and counted.
    """
    first = 1 + max(sample.pid for sample in dataset.train) if numbered_apart else 0
    tested: list[Sample] = [
        sample._replace(pid=sample.pid + first)
        for sample in (*dataset.query, *dataset.gallery)
        if not (has_distractors and sample.pid == _DISTRACTOR)
    ]
    left = len(dataset.query) + len(dataset.gallery) - len(tested)
    return replace(
        dataset,
        name=name,
        train=(*dataset.train, *tested),
        query=(),
        gallery=(),
        left_out={**dataset.left_out, **({"distractors (pid 0)": left} if left else {})},
    )
