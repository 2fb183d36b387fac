"""The report and the page of a data check, in a narrow window: all figures are seen."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from chromium import PROGRAM, REQUIRED, chromium
from golden import DATA
from tiny import card

import crosscam
from crosscam.checking.check import check_dataset
from crosscam.checking.page import write_page
from crosscam.data.joining import gather
from crosscam.evaluation.outcome import Outcome
from crosscam.ranking.ranked import rank_gallery
from crosscam.ranking.scoring import score_ranking
from crosscam.report.page import write_report
from crosscam.training.environment import describe_environment
from crosscam.types import Embeddings

BEYOND = (
    "[...document.querySelectorAll('.figure b, table.scores td, .wide > table:not(.scores) td')]"
    ".filter(cell => cell.checkVisibility())"
    ".filter(cell => cell.getBoundingClientRect().right > window.innerWidth)"
    ".map(cell => cell.textContent)"
)
POLICY = "document.querySelector('meta[http-equiv=Content-Security-Policy]').content"
needs_browser = pytest.mark.skipif(
    PROGRAM is None and not REQUIRED, reason="no chromium, chromium-browser or google-chrome here"
)


def embedded(samples, seed):
    pids = np.array([sample.pid for sample in samples])
    camids = np.array([sample.camid for sample in samples])
    features = np.random.default_rng(seed).standard_normal((len(samples), 4))
    return Embeddings(features.astype(np.float32), pids, camids)


def make_report(folder, dataset):
    sides = embedded(dataset.query, 0), embedded(dataset.gallery, 1)
    ranking = rank_gallery(*sides, metric="cosine")
    scores = score_ranking(ranking)
    intervals = crosscam.confidence_intervals(scores, sides[0].pids)
    decisions = crosscam.decide(*sides, metric="cosine", calibration=None, ranking=ranking)
    outcome = Outcome(scores, None, sides, ranking, {"scores": intervals}, decisions=decisions)
    recipe = crosscam.load_recipe("mobilenetv2-xent")
    model = crosscam.create_model("mobilenetv2", num_classes=2)
    place = next(model.parameters()).device
    log = folder / "log.jsonl"
    log.write_text("")
    return write_report(
        folder,
        card=card(model, recipe=recipe.model_dump(mode="json")),
        environment=describe_environment(
            recipe, gather([dataset]), device=place, autocast=False, threads=1
        ),
        log=log,
        dataset=dataset,
        outcome=outcome,
        epoch=2,
    )


@needs_browser
@pytest.mark.slow
def test_all_figures_are_seen_in_a_narrow_window_and_nothing_is_fetched(tmp_path):
    dataset = crosscam.load_dataset("market1501", DATA / "market1501")
    report = make_report(tmp_path, dataset)
    check = tmp_path / "check.html"
    write_page(check, check_dataset(dataset, jobs=1), version="1")
    with chromium() as page:
        for file in (report, check):
            page.set_size(375, 800)
            page.open(file)
            assert page.run(BEYOND) == []
            assert page.run(POLICY).startswith("default-src 'none'; ")
            page.screenshot(tmp_path / f"{file.stem}-375.png")
            page.set_size(1200, 900)
            page.screenshot(tmp_path / f"{file.stem}-1200.png")
            assert page.complaints() == []
            assert all(url.startswith(("file:", "data:")) for url in page.requests())


def test_the_example_without_arguments_says_how_it_is_used():
    example = Path(crosscam.__file__).parents[2] / "examples" / "compare_two_crops.py"
    done = subprocess.run(
        [sys.executable, str(example)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "python examples/compare_two_crops.py runs/demo ONE.jpg OTHER.jpg" in done.stderr
