"""What the commands that are given a run are called with: failures, compare and calibrate."""

from pathlib import Path
from typing import Annotated

import typer

from crosscam.choices import Figure
from crosscam.cli.commands.options import ByProtocol, JsonFile, LoadingOptions, RunDataOptions

_TESTED = "A run's folder, or a file of crosscam evaluate --queries."


def failures(
    run: Annotated[Path, typer.Argument(help="A run's folder.")],
    data: RunDataOptions,
    loading: LoadingOptions,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="DIR", help="The page's folder, a new one.  [default: RUN/failures]"
        ),
    ] = None,
    protocol: ByProtocol = None,
    queries: Annotated[
        int, typer.Option("--queries", min=1, help="Queries on the page at most, the worst.")
    ] = 4000,
    json_file: JsonFile = None,
) -> None:
    """Write a page of what a trained model gets wrong: the worst queries, hubs, odd labels.

    The test is that of the run's recipe, unless --protocol says otherwise. The page needs no server
    and no network.
    """
    from crosscam.cli.failures import write_failures_of

    write_failures_of(
        run, data, loading, out, protocol=protocol, most_queries=queries, json_file=json_file
    )


def compare(
    run_a: Annotated[Path, typer.Argument(metavar="RUN_A", help=_TESTED)],
    run_b: Annotated[Path, typer.Argument(metavar="RUN_B", help=_TESTED)],
    figure: Annotated[
        Figure, typer.Option("--figure", help="Which figure the sentence is about.")
    ] = "mAP",
    plot: Annotated[
        Path | None,
        typer.Option("--plot", metavar="FILE", help="Draw the gains: .png, .svg or .pdf."),
    ] = None,
    json_file: JsonFile = None,
) -> None:
    """Say whether RUN_B is better than RUN_A on the same queries, or whether it may be chance."""
    from crosscam.cli.compare import compare_runs

    compare_runs(run_a, run_b, figure=figure, plot=plot, json_file=json_file)


def calibrate(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="A run's folder, or a converted model's.")
    ],
    data: RunDataOptions,
    loading: LoadingOptions,
    json_file: JsonFile = None,
) -> None:
    """Fit how probable a distance is one of the same person, and write it into RUN's model.json.

    It is fitted to training people of the data set whom the model has not seen: to those that its
    run held out, or, on other data than it was trained on, to all of them.
    """
    from crosscam.cli.calibrate import calibrate_run

    calibrate_run(run, data, loading, json_file=json_file)
