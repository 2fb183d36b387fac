"""What `evaluate` and `rank` are called with: what is tested, the protocol and the switches."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from crosscam.choices import K1, K2, LAMBDA, Metric, Pooling
from crosscam.cli.commands.names import complete_weights
from crosscam.cli.commands.options import (
    Architecture,
    ByProtocol,
    JsonFile,
    LoadingOptions,
    ManyDataOptions,
    ModelOptions,
)


@dataclass(frozen=True)
class FeatureOptions:
    """How the features of a test are made; see `crosscam.EvaluationSettings`."""

    flip: Annotated[
        bool, typer.Option("--flip", help="Mean of the features of a picture and its mirror image.")
    ] = False
    multi_query: Annotated[
        Pooling | None,
        typer.Option(
            "--multi-query", help="Pool all images of the query's person and camera (market1501)."
        ),
    ] = None


@dataclass(frozen=True)
class TestOptions:
    """How features are tested; see `crosscam.EvaluationSettings`, which has the same fields."""

    protocol: ByProtocol = None
    augment: Annotated[
        int,
        typer.Option(
            "--augment", min=0, metavar="K", help="Mix K neighbours into each gallery feature."
        ),
    ] = 0
    expand: Annotated[
        int,
        typer.Option(
            "--expand", min=0, metavar="K", help="Mix the K nearest into each query feature."
        ),
    ] = 0
    alpha: Annotated[
        float,
        typer.Option(
            "--alpha",
            min=0,
            metavar="A",
            help="Weigh neighbours of --augment and --expand by similarity to the power A.",
        ),
    ] = 0.0
    rerank: Annotated[
        bool,
        typer.Option("--rerank", help="Re-rank by k-reciprocal neighbours (Zhong et al. 2017)."),
    ] = False
    k1: Annotated[int, typer.Option("--k1", min=1, help="Neighbours that re-ranking looks at.")] = (
        K1
    )
    k2: Annotated[
        int, typer.Option("--k2", min=1, help="Neighbours that re-ranking averages over.")
    ] = K2
    lambda_value: Annotated[
        float,
        typer.Option("--lambda", min=0, max=1, help="Share of the plain distance in re-ranking's."),
    ] = LAMBDA


@dataclass(frozen=True)
class FurtherFigures:
    """What is wanted besides the scores."""

    pairs: Annotated[
        bool, typer.Option("--camera-pairs", help="Show the scores of each pair of cameras, too.")
    ] = False
    decisions: Annotated[
        bool,
        typer.Option(
            "--decisions",
            help="Show error rates of thresholds, too: of pairs, and with people not in the "
            "gallery.",
        ),
    ] = False
    queries: Annotated[
        Path | None,
        typer.Option(
            "--queries",
            metavar="FILE",
            help="Write the test query by query, for crosscam compare; with one data set.",
        ),
    ] = None


def evaluate(
    checkpoint: Annotated[
        str,
        typer.Argument(
            autocompletion=complete_weights,
            help="A run's folder, a published .pth.tar, the name of published weights, or an .onnx "
            "file.",
        ),
    ],
    data: ManyDataOptions,
    features: FeatureOptions,
    test: TestOptions,
    further: FurtherFigures,
    loading: LoadingOptions,
    model: ModelOptions,
    architecture: Architecture = None,
    json_file: JsonFile = None,
) -> None:
    """Score a trained model on the query and the gallery of one data set or of several."""
    from crosscam.cli.evaluate import evaluate_model

    evaluate_model(
        checkpoint,
        data,
        features,
        test,
        further,
        loading,
        model,
        architecture=architecture,
        json_file=json_file,
    )


def rank(
    query: Annotated[
        Path,
        typer.Argument(
            metavar="QUERY", help="Features of the queries: .parquet or .npz, with pids."
        ),
    ],
    gallery: Annotated[Path, typer.Argument(metavar="GALLERY", help="Features of the gallery.")],
    test: TestOptions,
    further: FurtherFigures,
    metric: Annotated[
        Metric | None,
        typer.Option(
            "--metric", help="By which features are compared.  [default: what the files say]"
        ),
    ] = None,
    json_file: JsonFile = None,
) -> None:
    """Score features: those of QUERY are looked for among those of GALLERY.

    The files are those of crosscam embed, or anyone's: a feature and a pid a row, and camids where
    cameras are known. --flip and --multi-query are of pictures, so they belong to embedding.
    """
    from crosscam.cli.rank import rank_files

    rank_files(query, gallery, test, further, metric=metric, json_file=json_file)
