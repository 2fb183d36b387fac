"""What commands print of decisions: error rates of pairs, the open set, and of a calibration."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.table import Table

from crosscam.cli.console import Screen, screen_for
from crosscam.cli.output import share
from crosscam.decisions.bootstrap import Interval
from crosscam.decisions.decide import Decisions


def print_decisions(name: str, found: Decisions, *, json_file: Path | None) -> None:
    """Print error rates of pairs, the open set, and how well a calibration keeps its word."""
    screen = screen_for(json_file)
    verified, opened = found.verification, found.open_set
    screen.print(
        f"{name}, {verified.num_genuine:,} pairs of one person, {verified.num_impostor:,} of two: "
        f"equal error rate {share(verified.eer, verified.eer_interval)}"
    )
    rows = (_row(rate.far, rate.threshold, rate.tar, rate.interval) for rate in verified.rates)
    _print_table(screen, ("pairs of two accepted", "threshold", "pairs of one accepted"), rows)
    if opened is not None:
        rows = (_row(rate.far, rate.threshold, rate.dir, rate.interval) for rate in opened.rates)
        screen.print(f"with {100 * opened.share:g} % of the people not in the gallery:")
        _print_table(screen, ("strangers accepted", "threshold", "found"), rows)
    if found.reliability is not None:
        screen.print(
            f"calibration: expected calibration error "
            f"{share(found.reliability.ece, found.reliability.interval)}, thresholds:"
        )
        rows = (
            (
                f"{checked.threshold.distance:.4g}",
                f"{100 * checked.threshold.far:g} %",
                share(checked.far, checked.far_interval),
                share(checked.tar, checked.tar_interval),
            )
            for checked in found.thresholds
        )
        titles = ("threshold", "to accept of two", "accepts here", "and of one person")
        _print_table(screen, titles, rows)
    for note in found.notes:
        screen.print(f"note: {note}")


def _print_table(screen: Screen, titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in titles:
        table.add_column(title, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    screen.print(table)


def _row(
    far: float, threshold: float | None, rate: float | None, interval: Interval | None
) -> Sequence[str]:
    stated = f"{100 * far:g} %"
    if threshold is None or rate is None:
        return (stated, "too few to tell", "")
    return (stated, f"{threshold:.4g}", share(rate, interval))
