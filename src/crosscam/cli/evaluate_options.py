"""The options of `crosscam evaluate`: data sets, several at a time, the protocol, the switches."""

from pathlib import Path
from typing import Annotated

import typer

from crosscam.types import Pooling, Protocol

Checkpoint = Annotated[
    str,
    typer.Argument(help="A run's folder, a published .pth.tar, or the name of published weights."),
]
DataSets = Annotated[
    list[str],
    typer.Option(
        "--data",
        metavar="NAME[:VARIANT]",
        help="Data set, such as people or market1501; give it again for a further one.",
    ),
]
Roots = Annotated[
    list[Path] | None,
    typer.Option(
        "--root",
        metavar="DIR",
        help="Folder that holds the data sets; or one for each that needs one, in their order.",
    ),
]
ByProtocol = Annotated[
    Protocol | None,
    typer.Option(
        "--protocol",
        help="Which gallery images count: without those of the query's person and camera; all; or "
        "one image a person.  [default: the data set's own]",
    ),
]
Flip = Annotated[
    bool, typer.Option("--flip", help="Mean of the features of a picture and its mirror image.")
]
MultiQuery = Annotated[
    Pooling | None,
    typer.Option(
        "--multi-query", help="Pool all images of the query's person and camera (market1501)."
    ),
]
Augment = Annotated[
    int,
    typer.Option(
        "--augment", min=0, metavar="K", help="Mix K neighbours into each gallery feature."
    ),
]
Expand = Annotated[
    int,
    typer.Option("--expand", min=0, metavar="K", help="Mix the K nearest into each query feature."),
]
Alpha = Annotated[
    float,
    typer.Option(
        "--alpha",
        min=0,
        metavar="A",
        help="Weigh neighbours of --augment and --expand by similarity to the power A.",
    ),
]
Rerank = Annotated[
    bool, typer.Option("--rerank", help="Re-rank by k-reciprocal neighbours (Zhong et al. 2017).")
]
K1 = Annotated[int, typer.Option("--k1", min=1, help="Neighbours that re-ranking looks at.")]
K2 = Annotated[int, typer.Option("--k2", min=1, help="Neighbours that re-ranking averages over.")]
Lambda = Annotated[
    float,
    typer.Option("--lambda", min=0, max=1, help="Share of the plain distance in re-ranking's."),
]
CameraPairs = Annotated[
    bool, typer.Option("--camera-pairs", help="Show the scores of each pair of cameras, too.")
]
DecisionRates = Annotated[
    bool,
    typer.Option(
        "--decisions",
        help="Show error rates of thresholds, too: of pairs, and with people not in the gallery.",
    ),
]
QueriesFile = Annotated[
    Path | None,
    typer.Option(
        "--queries",
        metavar="FILE",
        help="Write the test query by query, for crosscam compare; with one data set.",
    ),
]
Device = Annotated[str, typer.Option("--device", help='"auto", "cpu", "cuda" or "cuda:1".')]
Workers = Annotated[int, typer.Option("--workers", min=0, help="Processes that load images.")]
BatchSize = Annotated[int, typer.Option("--batch-size", min=1, help="Images a batch.")]
