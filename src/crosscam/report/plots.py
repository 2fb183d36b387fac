"""The plots of a report, as PNG bytes; each takes plain values and draws one idea."""

import io
from collections.abc import Mapping, Sequence
from itertools import cycle
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from crosscam.decisions.pairs import PairHistogram
from crosscam.evaluation.camera_pairs import CameraPair
from crosscam.types import AnyScores, Metric

GREEN, RED, BLUE, GREY = "#2a9d4a", "#d1495b", "#2b6cb0", "#8a8f98"
_PART_COLOURS = (BLUE, "#b7791f", "#805ad5", GREEN, RED, GREY)
_NO_PARTS = {"epoch", "step", "steps", "loss", "lr", "time"}  # of a line of the log
_SIZE = (6.4, 3.6)  # inches
_DARK = 0.6  # from this share on a heat map's colour is too dark for black figures


def plot_training(log: Sequence[Mapping[str, Any]]) -> bytes:
    """The loss and its parts, and the learning rate, over epochs; from the steps of `log.jsonl`."""
    epochs = np.array([line["epoch"] - 1 + line["step"] / line["steps"] for line in log])
    figure = Figure(figsize=_SIZE, layout="constrained")
    loss, rate = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    parts = [name for name in log[0] if name not in _NO_PARTS]
    for name, colour in zip(
        ["loss", *parts] if len(parts) > 1 else ["loss"], cycle(_PART_COLOURS), strict=False
    ):
        values = np.array([line[name] for line in log])
        loss.plot(epochs, values, color=colour, alpha=0.2, linewidth=0.7)
        loss.plot(epochs, _smooth(values), color=colour, label=name)
    loss.set_ylabel("loss")
    loss.legend(frameon=False)
    rate.plot(epochs, [line["lr"] for line in log], color=GREY)
    rate.set_ylabel("learning rate")
    rate.ticklabel_format(axis="y", style="sci", scilimits=(0, 0))
    rate.set_xlabel("epochs of training")
    return png(figure, loss, rate)


def plot_cmc(curves: Mapping[str, AnyScores]) -> bytes:
    """The share of queries whose person is among the first k, over k, one curve a name."""
    figure = Figure(figsize=_SIZE, layout="constrained")
    axes = figure.subplots()
    for (name, scores), colour in zip(curves.items(), (BLUE, GREY, RED), strict=False):
        ranks = np.arange(1, len(scores.cmc) + 1)
        label = fill(f"{name}: Rank-1 {scores.at_rank(1):.1%}, mAP {scores.mAP:.1%}", width=60)
        axes.plot(ranks, 100 * scores.cmc, color=colour, marker=".", markersize=4, label=label)
    axes.set_ylim(0, 102)
    axes.set_xlabel("how many of the nearest gallery images one looks at (k)")
    axes.set_ylabel("queries whose person\nis among them (%)")
    axes.legend(frameon=False, loc="best")
    return png(figure, axes)


def plot_distances(pairs: PairHistogram, *, metric: Metric) -> bytes:
    """How far apart images of the same and of different people are, as two histograms."""
    figure = Figure(figsize=_SIZE, layout="constrained")
    axes = figure.subplots()
    held = np.flatnonzero(pairs.genuine + pairs.impostor)
    ends = pairs.centres[held[[0, -1]]] + np.array([-pairs.width, pairs.width]) / 2
    edges = np.linspace(float(ends[0]), float(ends[1]), 61)
    for counts, name, colour in (
        (pairs.impostor, "different people", RED),
        (pairs.genuine, "same person", GREEN),
    ):
        shares = np.histogram(pairs.centres, edges, weights=counts)[0] / counts.sum()
        axes.stairs(100 * shares, edges, fill=True, color=colour, alpha=0.45, label=name)
    axes.set_xlabel(f"{metric} distance between a query and a gallery image")
    axes.set_ylabel("pairs of that kind (%)")
    axes.legend(frameon=False)
    return png(figure, axes)


def plot_camera_pairs(pairs: Sequence[CameraPair]) -> bytes:
    """Rank-1 and mAP by pair of cameras, as two heat maps; pairs without figures stay empty."""
    asked = sorted({pair.query_camid for pair in pairs})
    seen = sorted({pair.gallery_camid for pair in pairs})
    side = 1.2 + 0.42 * max(len(asked), len(seen), 4)
    figure = Figure(figsize=(2 * side, side + 0.4), layout="constrained")
    for axes, title in zip(figure.subplots(1, 2), ("Rank-1", "mAP"), strict=True):
        shares = np.full((len(asked), len(seen)), np.nan)
        for pair in pairs:
            share = pair.rank1 if title == "Rank-1" else pair.mAP
            row, column = asked.index(pair.query_camid), seen.index(pair.gallery_camid)
            shares[row, column] = 100 * share
            colour = "white" if share > _DARK else "black"
            axes.text(column, row, f"{100 * share:.0f}", ha="center", va="center", color=colour)
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=100)
        axes.set_xticks(range(len(seen)), seen)
        axes.set_yticks(range(len(asked)), asked)
        axes.set_xlabel("camera of the gallery")
        axes.set_ylabel("camera of the query")
        axes.set_title(f"{title} (%)", fontsize="medium")
    return png(figure)


def _smooth(values: NDArray[np.floating[Any]], share: float = 0.03) -> NDArray[np.floating[Any]]:
    """A centred running mean over a share of the values; shorter at both ends."""
    half = max(1, int(len(values) * share / 2))
    sums = np.concatenate([[0.0], np.cumsum(values)])
    at = np.arange(len(values))
    left, right = np.maximum(at - half, 0), np.minimum(at + half + 1, len(values))
    smoothed: NDArray[np.floating[Any]] = (sums[right] - sums[left]) / (right - left)
    return smoothed


def png(figure: Figure, *all_axes: Axes) -> bytes:
    """A figure as PNG, its axes given the look that all plots have."""
    for axes in all_axes:
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=150)
    return content.getvalue()
