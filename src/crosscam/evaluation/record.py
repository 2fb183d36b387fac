"""A test query by query, as `queries.json` keeps it, so that two models can be compared."""

import os
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from crosscam.data.fingerprint import TEST, fingerprint
from crosscam.decisions.bootstrap import query_figures
from crosscam.embedding.embedder import Embedder
from crosscam.errors import InputError, RunError
from crosscam.evaluation.feature_pairing import FeatureTest, feature_hash, fingerprint_rows
from crosscam.files import write_text
from crosscam.settings.evaluation import EvaluationSettings
from crosscam.settings.faults import first_fault
from crosscam.types import AnyScores, Float64s, Int64s, Metric, ReIDDataset

RECORD_FILE = "queries.json"

Figure = Annotated[float, Field(ge=0, le=1)] | None


class TestRecord(BaseModel):
    """What each query of a test gave, and by which model, on which data, under which settings.

    `figures` has a value a query under the names rank1, rank5, rank10, mAP and mINP: a fraction, or
    None for a query without a true match. `images` are the queries' file names.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    __test__ = False  # no test of pytest's

    format: Literal[1] = 1
    crosscam: str
    model: str
    weights_sha256: str
    data: str
    data_fingerprint: str
    metric: Metric
    settings: dict[str, Any]
    images: tuple[str, ...]
    pids: tuple[int, ...]
    camids: tuple[int, ...] | None
    figures: dict[Literal["rank1", "rank5", "rank10", "mAP", "mINP"], tuple[Figure, ...]]

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        columns = [self.pids, *self.figures.values()]
        if self.camids is not None:
            columns.append(self.camids)
        if any(len(column) != len(self.images) for column in columns) or not self.figures:
            raise ValueError("its lists are not of one length")
        return self

    def values(self, figure: str) -> Float64s:
        """(num_queries,) float64 of a figure, NaN for a query that is not valid."""
        for name, values in self.figures.items():
            if name == figure:
                return np.array([np.nan if value is None else value for value in values])
        raise RunError(f"there is no {figure} query by query; test the model again")

    @property
    def query_pids(self) -> Int64s:
        """The queries' people, (num_queries,)."""
        return np.array(self.pids, dtype=np.int64)


def record_test(
    scores: AnyScores,
    dataset: ReIDDataset,
    embedder: Embedder,
    *,
    settings: EvaluationSettings,
) -> TestRecord:
    """The record of a test of `dataset`'s queries, by the resolved `settings`.

    Raises `InputError` for an embedder without a card, whose model nobody could name.
    """
    if embedder.card is None:
        raise InputError("only a test of a saved model is recorded: load it with load_embedder")
    return _record(
        scores,
        dataset,
        settings=settings,
        model=embedder.card.architecture,
        weights_sha256=embedder.card.weights_sha256,
        data_fingerprint=fingerprint(dataset, splits=TEST),
        metric=embedder.metric,
    )


def record_features(
    scores: AnyScores, test: FeatureTest, *, settings: EvaluationSettings
) -> TestRecord:
    """The record of a test of features that were read, by the resolved `settings`.

    In the place of the weights' hash it has that of the features, which stands for them; its data
    are told by names and labels, since there are no pictures.
    """
    return _record(
        scores,
        test.dataset,
        settings=settings,
        model=test.query.made_by or "features",
        weights_sha256=feature_hash((test.query, test.gallery)),
        data_fingerprint=fingerprint_rows(test.dataset),
        metric=test.metric,
    )


def _record(
    scores: AnyScores,
    dataset: ReIDDataset,
    *,
    settings: EvaluationSettings,
    model: str,
    weights_sha256: str,
    data_fingerprint: str,
    metric: Metric,
) -> TestRecord:
    figures = {
        name: tuple(float(value) if np.isfinite(value) else None for value in values)
        for name, values in query_figures(scores).items()
    }
    camids = [sample.camid for sample in dataset.query if sample.camid is not None]
    return TestRecord.model_validate(
        {
            "crosscam": version("crosscam"),
            "model": model,
            "weights_sha256": weights_sha256,
            "data": dataset.name,
            "data_fingerprint": data_fingerprint,
            "metric": metric,
            "settings": settings.to_json(),
            "images": tuple(sample.path.name for sample in dataset.query),
            "pids": tuple(sample.pid for sample in dataset.query),
            "camids": tuple(camids) if camids else None,
            "figures": figures,
        }
    )


def write_record(file: Path, record: TestRecord) -> None:
    """Write a record whole or not at all."""
    write_text(file, record.model_dump_json() + "\n")


def read_record(path: str | os.PathLike[str]) -> TestRecord:
    """The record of a run, by its folder, or one that `crosscam evaluate --queries` wrote.

    Raises `RunError` if there is none, or if it is broken.
    """
    file = Path(path) / RECORD_FILE if Path(path).is_dir() else Path(path)
    try:
        return TestRecord.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        raise RunError(
            f"no test query by query in {file}: give a finished run, or make such a file with "
            "`crosscam evaluate MODEL --data NAME --queries FILE`"
        ) from None
    except OSError as error:
        raise RunError(f"cannot read {file}: {error.strerror}") from None
    except ValidationError as error:
        raise RunError(f"{file} is no test query by query: {first_fault(error)}") from None
