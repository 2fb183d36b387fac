"""The parts of a report."""

from dataclasses import replace

import numpy as np
import pytest
from golden import DATA
from tiny import card

import crosscam
from crosscam.data.joining import gather
from crosscam.evaluation.camera_pairs import CameraPair
from crosscam.evaluation.outcome import Outcome
from crosscam.ranking.ranked import rank_gallery
from crosscam.ranking.scoring import score_ranking
from crosscam.report.galleries import FIRST, choose_queries, ranked_gallery
from crosscam.report.page import flatten, read_log, write_report
from crosscam.report.plots import plot_camera_pairs, plot_cmc, plot_distances, plot_training
from crosscam.settings.evaluation import EvaluationSettings
from crosscam.training.environment import describe_environment
from crosscam.types import Embeddings, ReIDDataset

PNG = b"\x89PNG\r\n"
STEPS = [
    {"epoch": epoch, "step": step, "steps": 3, "loss": 3.0, "xent": 2.0, "triplet": 1.0, "lr": 0.1}
    for epoch in (1, 2)
    for step in (1, 2, 3)
]


@pytest.fixture(scope="module")
def dataset():
    return crosscam.load_dataset("market1501", DATA / "market1501")


def embed_at_random(samples, seed):
    rng = np.random.default_rng(seed)
    pids = np.array([sample.pid for sample in samples])
    camids = np.array([sample.camid for sample in samples])
    return Embeddings(rng.standard_normal((len(samples), 4)).astype(np.float32), pids, camids)


@pytest.fixture(scope="module")
def outcome(dataset):
    embeddings = embed_at_random(dataset.query, 0), embed_at_random(dataset.gallery, 1)
    ranking = rank_gallery(*embeddings, metric="cosine")
    scores = score_ranking(ranking)
    intervals = crosscam.confidence_intervals(scores, embeddings[0].pids)
    return Outcome(
        scores,
        None,
        embeddings,
        ranking,
        {"scores": intervals},
        decisions=crosscam.decide(*embeddings, metric="cosine", calibration=None, ranking=ranking),
    )


@pytest.mark.slow
def test_plots_are_pictures(outcome):
    assert plot_training(STEPS).startswith(PNG)
    assert plot_training(STEPS[:1]).startswith(PNG)
    assert plot_cmc({"a": outcome.scores, "b": outcome.scores}).startswith(PNG)
    pairs = [CameraPair(1, 2, 9, 8, 0.25, 0.5), CameraPair(30, 2, 1, 1, 1.0, 1.0)]
    assert plot_camera_pairs(pairs).startswith(PNG)
    pairs = outcome.decisions.pairs
    assert plot_distances(pairs, metric="cosine").startswith(PNG)
    same = [replace(side, features=np.ones_like(side.features)) for side in outcome.embeddings]
    collapsed = crosscam.pair_histogram(*same, metric="cosine")
    assert plot_distances(collapsed, metric="cosine").startswith(PNG)


def test_queries_are_the_best_middling_and_worst_of_different_people():
    count = 40
    scores = crosscam.Scores(
        cmc=np.ones(1),
        mAP=0.5,
        mINP=0.5,
        num_valid_queries=count - 1,
        average_precisions=np.r_[np.linspace(0, 1, count - 1), np.nan],
        inverse_penalties=np.ones(count),
        first_match_ranks=np.r_[np.ones(count - 1, int), 0],
    )
    pids = np.arange(count) // 2
    chosen = choose_queries(scores, pids, each=3)
    assert chosen["best"] == [38, 37, 35]
    assert chosen["worst"] == [0, 2, 4]
    assert [abs(query - 19) <= 4 for query in chosen["middling"]] == [True] * 3
    everyone = [pids[query] for queries in chosen.values() for query in queries]
    assert len(set(everyone)) == 9
    few = choose_queries(scores, np.zeros(count, int), each=3)
    assert [len(queries) for queries in few.values()] == [1, 0, 0]


def test_a_gallery_shows_what_counts(dataset, outcome):
    shown = ranked_gallery(0, dataset, outcome.ranking.first(), outcome.scores, "cosine")
    assert shown.query.pid == 11
    assert len(shown.found) == min(FIRST, 4)  # of five, the one of the query's camera is left out
    assert [found.correct for found in shown.found].count(True) == 1
    assert all(found.uri.startswith("data:image/jpeg;base64,") for found in shown.found)


@pytest.mark.slow
@pytest.mark.parametrize("with_test", [True, False])
def test_a_page_is_written_with_its_pictures(tmp_path, dataset, outcome, with_test):
    recipe = crosscam.load_recipe("mobilenetv2-xent")
    model = crosscam.create_model("mobilenetv2", num_classes=2)
    log = tmp_path / "log.jsonl"
    log.write_text("".join(f"{line}\n".replace("'", '"') for line in STEPS))
    environment = describe_environment(
        recipe, gather([dataset]), device=next(model.parameters()).device, autocast=False, threads=1
    )
    name = "<script>alert(1)</script>"
    page = write_report(
        tmp_path,
        card=card(model, architecture=name, recipe=recipe.model_dump(mode="json")),
        environment=environment,
        log=log,
        dataset=dataset if with_test else ReIDDataset("x", dataset.train, (), ()),
        outcome=outcome if with_test else None,
        epoch=2,
        failures='failures/"index".html' if with_test else None,
    )
    text = page.read_text(encoding="utf-8")
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
    assert ("nothing to test on" in text) is not with_test
    assert ('href="failures/&#34;index&#34;.html"' in text) is with_test
    pictures = {path.stem for path in tmp_path.glob("*.png")}
    assert pictures == (
        {"training", "cmc", "distances", "errors", "ranked"} if with_test else {"training"}
    )


def test_an_outcome_says_how_it_was_tested(outcome):
    assert list(outcome.rows("m")) == ["m"]
    assert list(outcome.row_intervals("m").values()) == [outcome.intervals["scores"]]
    settings = EvaluationSettings("no-cameras", rerank=True)
    changed = replace(
        outcome, settings=settings, not_reranked=outcome.scores, baseline=outcome.scores
    )
    assert list(changed.rows("m")) == [
        "m (no cameras; re-ranked with k1 20, k2 6, lambda 0.3)",
        "the same, not re-ranked",
        "colour histogram",
    ]
    assert list(changed.row_intervals("m").values()) == [outcome.intervals["scores"], None, None]
    assert changed.by_distance is outcome.scores


def test_a_log_is_read_as_far_as_it_is_one(tmp_path):
    log = tmp_path / "log.jsonl"
    assert read_log(log) == []
    log.write_bytes(b'{"step": 1}\n\xff\n7\n{"step": 2, "lo')
    assert read_log(log) == [{"step": 1}]


def test_settings_are_flattened_in_their_order():
    assert flatten({"a": 1, "b": {"c": 2, "d": {"e": [3]}}}) == [
        ("a", 1),
        ("b.c", 2),
        ("b.d.e", [3]),
    ]
