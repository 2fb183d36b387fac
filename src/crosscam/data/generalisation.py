"""The protocols of domain generalisation: which data sets are trained on, which others tested on.

Their names and numbers are those of Xu et al., "Mimic Embedding via Adaptive Aggregation" (META,
ECCV 2022), which later work keeps. What exactly is read for each data set is that of the code of
BAU (Cho et al., NeurIPS 2024): CUHK03 is "detected" with the 767/700 split, CUHK-SYSU is all of its
people cut out, and a whole data set is all of its people but Market-1501's distractors.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from crosscam.data.random_splits import VARIANTS
from crosscam.errors import DataError


@dataclass(frozen=True)
class Turn:
    """One training of a protocol: the data sets trained on as one, and those tested on.

    Both are names as `--data` takes them. `targets` in random splits are tested on all ten.
    """

    sources: tuple[str, ...]
    targets: tuple[str, ...]


@dataclass(frozen=True)
class Study:
    """A protocol: what it asks, whose it is, and its trainings."""

    summary: str
    source: str
    turns: tuple[Turn, ...]


_SMALL = ("prid", "grid", "viper", "ilids")
_META = "Xu et al., ECCV 2022 (META)"
_ALWAYS = "cuhk-sysu"
_LEFT_OUT = ("cuhk03", "msmt17", "market1501")
_TRAINED = {"market1501": "market1501", "msmt17": "msmt17", "cuhk03": "cuhk03:detected"}
_WHOLE = {"market1501": "market1501:all", "msmt17": "msmt17:+all", "cuhk03": "cuhk03:detected+all"}


def _leave_one_out(names: Mapping[str, str]) -> tuple[Turn, ...]:
    return tuple(
        Turn((*(name for key, name in names.items() if key != left), _ALWAYS), (_TRAINED[left],))
        for left in _LEFT_OUT
    )


STUDIES: Mapping[str, Study] = {
    "protocol-1": Study(
        "trains on all people of four data sets and tests on four small ones, each the mean of ten "
        "random splits",
        _META,
        (
            Turn(
                (_WHOLE["market1501"], "cuhk02:all", _WHOLE["cuhk03"], _ALWAYS),
                tuple(f"{name}:{split}" for name in _SMALL for split in VARIANTS),
            ),
        ),
    ),
    "protocol-1-duke": Study(
        "protocol-1 with DukeMTMC-reID among those trained on, as before that was withdrawn",
        "Song et al., CVPR 2019 (DIMN)",
        (
            Turn(
                (
                    *(_WHOLE["market1501"], "dukemtmcreid:all", "cuhk02:all"),
                    *(_WHOLE["cuhk03"], _ALWAYS),
                ),
                tuple(f"{name}:{split}" for name in _SMALL for split in VARIANTS),
            ),
        ),
    ),
    "protocol-2": Study(
        "leaves one of Market-1501, MSMT17 and CUHK03 out to test on, and trains on the training "
        "people of the other two, and on CUHK-SYSU",
        _META,
        _leave_one_out(_TRAINED),
    ),
    "protocol-3": Study(
        "leaves one of Market-1501, MSMT17 and CUHK03 out to test on, and trains on all people of "
        "the other two, and on CUHK-SYSU",
        _META,
        _leave_one_out(_WHOLE),
    ),
}


def find_study(name: str) -> Study:
    """The protocol of that name. Raises `DataError` that lists the known ones."""
    if name not in STUDIES:
        raise DataError(f"unknown protocol {name!r}; known are {', '.join(STUDIES)}")
    return STUDIES[name]


def command_lines(turn: Turn, *, recipe: str = "RECIPE", run: str = "RUN") -> tuple[str, ...]:
    """What to type for a training with its tests, in a folder `run`, then for sets in splits.

    These are tested apart, a command a data set: their splits share people.
    """
    words = [f"--data {name}" for name in turn.sources]
    splits: dict[str, list[str]] = {}
    for name in turn.targets:
        base, _, variant = name.partition(":")
        if variant.isdecimal():
            splits.setdefault(base, []).append(f"--data {name}")
        else:
            words.append(f"--test {name}")
    return (
        f"crosscam train {recipe} {' '.join(words)} --root DIR --out {run}",
        *(f"crosscam evaluate {run} {' '.join(names)} --root DIR" for names in splits.values()),
    )
