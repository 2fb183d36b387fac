"""`crosscam rank`: the features of a query and of a gallery in, scores out."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from crosscam.cli.commands.evaluate import FurtherFigures, TestOptions
from crosscam.cli.output import check_json_file, check_place, write_json
from crosscam.cli.shown_tests import ShownTest, show_tests, tests_to_json
from crosscam.cli.watching import ConsoleWatcher
from crosscam.devices import repeatable
from crosscam.embedding.feature_file import FeatureFile
from crosscam.embedding.feature_reading import read_features
from crosscam.evaluation.camera_pairs import refuse_camera_pairs
from crosscam.evaluation.feature_pairing import FeatureTest, count_equal, pair_features
from crosscam.evaluation.figures import find_figures
from crosscam.evaluation.record import record_features, write_record
from crosscam.evaluation.switches import expanded
from crosscam.settings.evaluation import EvaluationSettings
from crosscam.types import Metric


def rank_files(
    query: Path,
    gallery: Path,
    test: TestOptions,
    further: FurtherFigures,
    *,
    metric: Metric | None,
    json_file: Path | None,
) -> None:
    """Score the features of two files, and show what was asked for."""
    check_json_file(json_file)
    check_place("--queries", further.queries)
    asked = EvaluationSettings(**asdict(test))
    files = read_features(query), read_features(gallery)
    paired = pair_features(*files, metric=metric, protocol=asked.protocol)
    settings = asked.resolve(paired.dataset)
    if further.pairs:
        refuse_camera_pairs(settings, paired.dataset)
    paired = _with_notes(paired, settings)
    with ConsoleWatcher() as watcher, repeatable(threads=0):
        left_out = (f"left out: {n:,} {what}" for what, n in paired.dataset.left_out.items())
        for note in (*paired.dataset.notes, *left_out):
            watcher.on_note(note)
        found = find_figures(
            *expanded(paired.query, paired.gallery, settings),
            metric=paired.metric,
            settings=settings,
            with_pairs=further.pairs,
            with_decisions=further.decisions,
        )
    if further.queries is not None:
        write_record(further.queries, record_features(found.scores, paired, settings=settings))
    tests = [ShownTest(paired.dataset.name, paired.dataset, settings, found)]
    model = files[0].card.model or "features"
    show_tests(tests, of=model, with_pairs=further.pairs, json_file=json_file)
    content = {
        "query": _about(files[0]),
        "gallery": _about(files[1]),
        "metric": paired.metric,
        **tests_to_json(tests, with_pairs=further.pairs),
    }
    write_json(content, json_file)


def _with_notes(paired: FeatureTest, settings: EvaluationSettings) -> FeatureTest:
    """The test with a note of queries that find themselves, and no camera rules that out."""
    if paired.dataset.has_cameras and settings.leaves_out_cameras:
        return paired
    equal = count_equal(paired.query, paired.gallery)
    if not equal:
        return paired
    note = (
        f"{equal:,} of {len(paired.query.pids):,} queries have the very feature of a gallery row "
        "of their person, so each finds itself and the figures are too good"
    )
    dataset = replace(paired.dataset, notes=(*paired.dataset.notes, note))
    return replace(paired, dataset=dataset)


def _about(file: FeatureFile) -> dict[str, Any]:
    """What a `--json` file says of a file of features."""
    card = file.card.model_dump(mode="json", exclude={"format"})
    return {"file": file.file, "rows": len(file.features), **card}
