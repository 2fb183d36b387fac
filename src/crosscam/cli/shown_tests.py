"""How tests are shown: a table of all, cameras and decisions of each, and the same as JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crosscam.cli.decisions import print_decisions
from crosscam.cli.output import print_camera_pairs, print_scores, print_split_means
from crosscam.evaluation.figures import Figures
from crosscam.evaluation.split_means import SplitMeans, split_means
from crosscam.settings.evaluation import EvaluationSettings
from crosscam.types import ReIDDataset


@dataclass(frozen=True)
class ShownTest:
    """A test that was done: what its data are called, by which settings, and what it gave."""

    name: str
    dataset: ReIDDataset
    settings: EvaluationSettings
    figures: Figures

    def row(self, of: str) -> str:
        """What the row of a test of the model `of` is called."""
        words = self.settings.in_words()
        return f"{of} on {self.name}" + (f" ({words})" if words else "")


def show_tests(
    tests: Sequence[ShownTest], *, of: str, with_pairs: bool, json_file: Path | None
) -> None:
    """Print one table of all tests of the model `of`, then what was asked for besides."""
    rows = {test.row(of): test.figures.scores for test in tests}
    intervals = {test.row(of): test.figures.intervals for test in tests}
    print_scores(rows, intervals, json_file=json_file)
    print_split_means(_means(tests), json_file=json_file)
    for test in tests if with_pairs else ():
        print_camera_pairs(test.name, test.figures.pairs, json_file=json_file)
    for test in tests:
        if test.figures.decisions is not None:
            print_decisions(test.name, test.figures.decisions, json_file=json_file)


def tests_to_json(tests: Sequence[ShownTest], *, with_pairs: bool) -> dict[str, Any]:
    """What a `--json` file says of tests: flat for one, else with `sets`."""
    sets = [_to_json(test, with_pairs=with_pairs) for test in tests]
    means = {name: found.to_json() for name, found in _means(tests).items()}
    together = {"sets": sets, **({"means": means} if means else {})}
    return sets[0] if len(sets) == 1 else together


def _means(tests: Sequence[ShownTest]) -> dict[str, SplitMeans]:
    return split_means({test.name: test.figures.scores for test in tests})


def _to_json(test: ShownTest, *, with_pairs: bool) -> dict[str, Any]:
    dataset, found = test.dataset, test.figures
    return {
        "data": test.name,
        "settings": test.settings.to_json(),
        "scores": found.scores.to_json(),
        "intervals": found.intervals.to_json() if found.intervals else None,
        **({"decisions": found.decisions.to_json()} if found.decisions else {}),
        **({"camera_pairs": [pair.to_json() for pair in found.pairs]} if with_pairs else {}),
        "left_out": dict(dataset.left_out),
        "notes": list(dataset.notes),
    }
