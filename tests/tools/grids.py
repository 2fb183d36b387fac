"""Folders of grids for tests: records and run folders with scores that nobody trained."""

import json

from crosscam.grid.cells import Cell, CellRecord, recipe_hash, write_record
from crosscam.weights.saved import InputCard, ModelCard, TrainingCard, save_card

COUNTS = {
    "market1501": {"train": 12_936, "train_identities": 751, "query": 3_368, "gallery": 15_913},
    "cuhk03:detected": {"train": 7_365, "train_identities": 767, "query": 1_400, "gallery": 5_332},
    "people": {"train": 1_264, "train_identities": 100, "query": 374, "gallery": 983},
}


def add_cell(
    grid,
    recipe="squeezenet-xent",
    data="market1501",
    seed=1,
    *,
    scores=(0.5, 0.25),
    overrides=(),
    from_scratch=False,
    version="0.1.0",
    fingerprint="5eed",
    status="done",
    reason=None,
    counts=None,
    **speeds,
):
    """A cell's record, and for a finished one its run folder, which is returned."""
    cell = Cell(recipe, data, seed, tuple(overrides), from_scratch)
    settings = cell.resolve()
    run, number = grid / cell.name, 1
    while run.with_name(f"{run.name}.cell.json").exists():
        number += 1
        run = grid / f"{cell.name}-{number}"
    record = CellRecord(
        recipe=recipe,
        data=data,
        seed=seed,
        recipe_hash=recipe_hash(settings),
        overrides=cell.overrides,
        from_scratch=from_scratch,
        crosscam=version,
        data_fingerprint=fingerprint,
        status=status,
        reason=reason,
        **speeds,
    )
    write_record(run, record)
    if status == "done":
        _finish(run, record, settings, scores, counts or COUNTS.get(data))
    return run


def _finish(run, record, settings, scores, counts):
    run.mkdir()
    (run / "recipe.toml").write_text(settings.to_toml())
    (run / "environment.json").write_text(json.dumps({"data_counts": counts}))
    (run / "report.html").write_text("<p>report</p>")
    trained_on = TrainingCard(
        data=record.data,
        identities=1,
        images=1,
        fingerprint=record.data_fingerprint,
        terms="none",
        initial_weights="random",
    )
    size = InputCard(height=256, width=128, mean=(0.4, 0.5, 0.6), std=(0.1, 0.2, 0.3))
    card = ModelCard(
        crosscam=record.crosscam,
        architecture=settings.model,
        num_classes=1,
        feature_dim=1,
        input=size,
        metric="euclidean",
        memory_format="contiguous",
        trained_on=trained_on,
        licence="none",
        recipe=settings.model_dump(exclude_none=True, mode="json"),
        scores={record.data: {"rank1": scores[0], "mAP": scores[1]}},
        weights_sha256="0",
    )
    save_card(run, card)
