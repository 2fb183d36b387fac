"""The built-in people: rendered, so that crosscam works at once and no real person is shown.

100 people to train on (1,264 images), 374 queries and a gallery of 983 images of 100 others, with
120 images of distractors; six cameras, 64 x 128 JPEGs. `docs/people.md` says how they were made and
what figures on them can and cannot show.
"""

from importlib.resources import files
from pathlib import Path

from crosscam.data.about import About, Counts
from crosscam.data.market1501 import read_market_layout
from crosscam.errors import DataError
from crosscam.types import ReIDDataset

ABOUT = About(
    summary="200 rendered people seen by six cameras, built in",
    terms="Rendered people, no real person; free to use, under the Apache licence 2.0.",
    ask="nobody: it is part of crosscam",
    counts={"": Counts(100, 1_264, 374, 983, 6)},
)


def load_people() -> ReIDDataset:
    """Read the people that ship inside the package.

    Raises `DataError` if the package was installed in a way that leaves its pictures out.
    """
    folder = Path(str(files("crosscam.data"))) / "people_pictures"
    if not folder.is_dir():
        raise DataError(
            f"the built-in people are not in {folder}; install crosscam again, as files, not zipped"
        )
    return read_market_layout(folder, name="people", terms=ABOUT.terms)
