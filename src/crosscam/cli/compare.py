"""`crosscam compare`: two runs in; whether one is better, and how sure that is, out."""

from pathlib import Path

from rich.table import Table

from crosscam.choices import Figure
from crosscam.cli.console import screen_for
from crosscam.cli.output import check_json_file, check_place, span, write_json
from crosscam.decisions.comparison import Comparison
from crosscam.errors import InputError
from crosscam.evaluation.compare import compare
from crosscam.evaluation.record import TestRecord, read_record
from crosscam.files import replacing
from crosscam.report.decision_plots import draw_comparison

_PLOTS = (".png", ".svg", ".pdf")


def compare_runs(
    run_a: Path, run_b: Path, *, figure: Figure, plot: Path | None, json_file: Path | None
) -> None:
    """Compare two tests, show each figure's gain, and draw it where that is asked for."""
    check_json_file(json_file)
    check_place("--plot", plot)
    if plot is not None and plot.suffix.lower() not in _PLOTS:
        raise InputError(f"--plot {plot}: give a name that ends in {', '.join(_PLOTS)}")
    one, other = read_record(run_a), read_record(run_b)
    found = compare(one, other)
    names = _name(run_a), _name(run_b)
    console = screen_for(json_file)
    console.print(found.sentence(figure, *names))
    console.print(_table(found, *names))
    for note in _notes(one, other):
        console.print(f"note: {note}")
    if plot is not None:
        with replacing(plot) as beside:
            drawing = draw_comparison(found, one=names[0], other=names[1])
            drawing.savefig(beside, format=plot.suffix[1:].lower(), dpi=150)
    content = {
        "run_a": str(run_a),
        "run_b": str(run_b),
        "sentence": found.sentence(figure, *names),
        **found.to_json(),
        "notes": _notes(one, other),
    }
    write_json(content, json_file)


def _name(run: Path) -> str:
    return run.name or str(run.resolve().name)


def _table(found: Comparison, one: str, other: str) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for title in (one, other, "gain", "95 % interval", "p"):
        table.add_column(title, justify="right")
    for difference in found.differences:
        table.add_row(
            difference.name,
            f"{100 * difference.one:.1f} %",
            f"{100 * difference.other:.1f} %",
            f"{100 * difference.gain:+.1f}",
            span(difference.interval, signed=True),
            f"{difference.p_value:.2g}",
        )
    return table


def _notes(one: TestRecord, other: TestRecord) -> list[str]:
    """What differs besides the weights, and what the test does not say."""
    notes = []
    if one.weights_sha256 == other.weights_sha256:
        notes.append("both are the same weights")
    for key in sorted(one.settings.keys() | other.settings.keys()):
        before, now = one.settings.get(key), other.settings.get(key)
        if before != now:
            notes.append(f"tested differently: {key} is {before} and {now}")
    if one.crosscam != other.crosscam:
        notes.append(f"tested by crosscam {one.crosscam} and {other.crosscam}")
    notes.append(
        "this compares two trained models on these people; whether one recipe is better than "
        "another takes several seeds of each"
    )
    return notes
