"""The plots of decisions, as PNG bytes: error rates over thresholds, and whether odds hold."""

import numpy as np
from matplotlib.figure import Figure

from crosscam.decisions.comparison import Comparison
from crosscam.decisions.reliability import Reliability
from crosscam.decisions.verification import Verification
from crosscam.report.plots import BLUE, GREEN, GREY, RED, png

_SIZE = (6.4, 3.4)  # inches


def plot_error_rates(found: Verification) -> bytes:
    """The ROC, and the detection-error curve, both over the false-accept rate."""
    figure = Figure(figsize=_SIZE, layout="constrained")
    roc, errors = figure.subplots(1, 2)
    smallest = 10.0 ** np.floor(np.log10(1 / found.num_impostor))
    shown = found.roc.far > 0
    far, tar = found.roc.far[shown], found.roc.tar[shown]
    roc.semilogx(far, 100 * tar, color=BLUE)
    roc.set_ylim(0, 102)
    roc.set_ylabel("pairs of one person accepted (%)")
    missed = np.maximum(1 - tar, 0.5 / found.num_genuine)
    errors.loglog(far, 100 * missed, color=RED)
    errors.plot(found.eer, 100 * found.eer, "o", color=GREY, label=f"equal: {found.eer:.1%}")
    errors.set_ylabel("pairs of one person refused (%)")
    errors.legend(frameon=False, loc="lower left")
    for axes in (roc, errors):
        axes.set_xlim(max(smallest, 1e-6), 1)
        axes.set_xlabel("pairs of two people accepted (share)")
    return png(figure, roc, errors)


def plot_reliability(found: Reliability) -> bytes:
    """Of pairs that were called so probable, how many were of one person."""
    figure = Figure(figsize=(4.2, 3.8), layout="constrained")
    axes = figure.subplots()
    axes.plot((0, 100), (0, 100), color=GREY, linewidth=1, linestyle="--", label="as called")
    axes.plot(
        100 * found.called,
        100 * found.observed,
        color=BLUE,
        marker="o",
        markersize=5,
        label=f"test people: off by {found.ece:.1%}",
    )
    axes.set_xlim(-2, 102)
    axes.set_ylim(-2, 102)
    axes.set_aspect("equal")
    axes.set_xlabel("probability that was called (%)")
    axes.set_ylabel("pairs of one person (%)")
    axes.legend(frameon=False, loc="upper left")
    return png(figure, axes)


def draw_comparison(found: Comparison, *, one: str, other: str) -> Figure:
    """The gain in each figure with its interval, and the gain of each person."""
    figure = Figure(figsize=(7.6, 3.4), layout="constrained")
    gains, people = figure.subplots(1, 2)
    for row, difference in enumerate(reversed(found.differences)):
        colour = GREY if not difference.is_real else GREEN if difference.gain > 0 else RED
        bounds = 100 * difference.interval.low, 100 * difference.interval.high
        gains.plot(bounds, (row, row), color=colour, linewidth=2)
        gains.plot(100 * difference.gain, row, "o", color=colour)
    names = [difference.name for difference in reversed(found.differences)]
    gains.set_yticks(range(len(names)), names)
    gains.set_ylim(-0.6, len(names) - 0.4)
    gains.axvline(0, color="black", linewidth=0.8)
    gains.set_xlabel("gain (points; 95 % interval)")
    gains.set_title("grey: may be chance", fontsize="small")
    people.bar(range(found.num_people), 100 * np.sort(found.by_person), width=1.0, color=BLUE)
    people.axhline(0, color="black", linewidth=0.8)
    people.set_xlabel(f"the {found.num_people} people, sorted")
    people.set_ylabel("gain in average precision (points)")
    figure.suptitle(f"{other} against {one}", fontsize="medium")
    for axes in (gains, people):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
    return figure
