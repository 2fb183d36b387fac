"""An experiment keeps what it trained, whatever becomes of its test, and goes on as it was."""

import json
import multiprocessing
import os
import shutil
import signal
import threading
import time

import pytest
import torch
from tiny import TINY, write_market

import crosscam
from crosscam.data import loaders
from crosscam.errors import DataError, Interrupted, RunError, WeightsError
from crosscam.experiment import finish
from crosscam.experiment.watcher import SilentWatcher
from crosscam.training.run_folder import RunFolder, is_finished, load_checkpoint

RECIPE = "mobilenetv2-xent"


class Listener(SilentWatcher):
    """Keeps what it is told."""

    def __init__(self):
        self.steps, self.notes, self.starts, self.looks = 0, [], [], []

    def on_start(self, words):
        self.starts.append(words)

    def on_step(self, record):
        self.steps += 1

    def on_images(self, what, total):
        self.looks.append((what, total))
        return lambda count: None

    def on_note(self, note):
        self.notes.append(note)


def train(root, out, *settings, **options):
    listener = Listener()
    dataset = crosscam.load_dataset("market1501", root)
    run = crosscam.train(
        RECIPE, dataset, out, overrides=[*TINY, *settings], watcher=listener, **options
    )
    return run, listener


def content(folder, name="model.json"):
    return json.loads((folder / name).read_text())


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    return write_market(tmp_path_factory.mktemp("market"))


@pytest.fixture(scope="module")
def trained(market, tmp_path_factory):
    """A finished run, and what was heard of it."""
    return train(market, tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture
def run(trained, tmp_path):
    """A copy of the finished run's folder."""
    return shutil.copytree(trained[0].folder, tmp_path / "run")


@pytest.fixture
def data(market, tmp_path):
    """A copy of the data."""
    return shutil.copytree(market, tmp_path / "data")


def test_training_from_python_gives_a_folder_scores_and_an_embedder(trained, market):
    run, heard = trained
    assert is_finished(run.folder)
    assert run.embedder.card == run.card == crosscam.load_embedder(run.folder, runtime="torch").card
    assert content(run.folder)["scores"]["market1501"]["mAP"] == run.scores.mAP
    assert run.embedder.embed([next((market / "query").iterdir())]).shape[0] == 1
    assert heard.looks[0] == ("looking at all images", 48)
    assert heard.steps == 6
    assert heard.notes == []
    [words] = heard.starts
    assert words.startswith("training on cpu (")
    how, _, epoch = words.partition("; ")
    assert how.endswith("1 thread, float32, images loaded by 0 processes")
    assert epoch == "an epoch is 3 steps of 8 images (24 of 24)"
    environment = content(run.folder, "environment.json")
    assert environment["data_source"]["root"] == str(market)


def test_a_recipe_value_is_taken_and_changed(market, tmp_path):
    recipe = crosscam.load_recipe(RECIPE, TINY)
    with pytest.raises(crosscam.CrosscamError, match=r"optimizer.lr"):
        crosscam.train(
            recipe,
            crosscam.load_dataset("market1501", market),
            tmp_path / "run",
            overrides=["optimizer.lr=-1"],
        )
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("folder", ["query", "bounding_box_test"])
def test_half_a_file_to_test_on_is_refused_before_the_first_step(data, tmp_path, folder):
    path = min((data / folder).iterdir())
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match=f"broken image .*{path.name}.*restore or remove"):
        train(data, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_training_is_kept_if_its_test_fails_and_the_test_can_be_another(
    market, trained, tmp_path, monkeypatch
):
    def fail(*arguments, **options):
        raise DataError("no test today")

    folder = tmp_path / "run"
    with monkeypatch.context() as patched:
        patched.setattr(finish, "run_test", fail)
        with pytest.raises(DataError, match="no test today"):
            train(market, folder)
    assert not is_finished(folder)
    card = content(folder)
    assert (card["test_pending"], card["scores"]) == (True, {})
    dataset = crosscam.load_dataset("market1501", market)
    scores = crosscam.evaluate(crosscam.load_embedder(folder, runtime="torch"), dataset)
    assert scores.mAP == trained[0].scores.mAP

    run, heard = train(market, folder, "test.protocol=no-cameras", resume=True)
    assert is_finished(folder)
    assert heard.steps == 0
    assert heard.starts[0].startswith("training is complete, testing on cpu")
    assert heard.notes == [
        "the test is another than when the run began: test.protocol was None, is no-cameras"
    ]
    assert content(folder)["scores"]["market1501"]["settings"]["protocol"] == "no-cameras"
    assert crosscam.load_recipe(folder / "recipe.toml").test.protocol == "no-cameras"
    assert run.card.recipe["test"]["protocol"] == "no-cameras"
    assert run.card.weights_sha256 == trained[0].card.weights_sha256
    assert "test.protocol was None" in (folder / "report.html").read_text()


def stick_after(count, read):
    """`read_image`, which in any other process never ends after so many pictures."""
    main, done = os.getpid(), []

    def read_image(path):
        if os.getpid() != main:
            done.append(path)
            time.sleep(600 if len(done) > count else 0)
        return read(path)

    return read_image


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="patches a fork")
@pytest.mark.parametrize("workers", [0, 1])
def test_a_signal_is_heard_while_images_are_awaited(
    market, trained, tmp_path, monkeypatch, workers
):
    class Asking(Listener):
        def on_step(self, record):
            super().on_step(record)
            if self.steps == 2:
                seconds = 0.5 * workers  # by then the third batch is awaited, if by processes
                threading.Timer(seconds, os.kill, [os.getpid(), signal.SIGTERM]).start()
                time.sleep(0.1)

    folder, settings = tmp_path / "run", [*TINY, f"workers={workers}"]
    dataset = crosscam.load_dataset("market1501", market)
    before = multiprocessing.get_start_method()
    multiprocessing.set_start_method("fork", force=True)
    try:
        with monkeypatch.context() as patched:
            patched.setattr(loaders, "read_image", stick_after(16, loaders.read_image))
            with pytest.raises(Interrupted, match="in epoch 1 of 2, before step 3; the state is"):
                crosscam.train(RECIPE, dataset, folder, overrides=settings, watcher=Asking())
    finally:
        multiprocessing.set_start_method(before, force=True)
    assert load_checkpoint(RunFolder(folder))["next_step"] == (0, 2)
    assert (folder / "log.jsonl").read_text().count("\n") == 2
    run, heard = train(market, folder, resume=True)
    assert heard.steps == 4
    assert run.card.weights_sha256 == trained[0].card.weights_sha256


def test_restored_test_pictures_are_no_other_data_and_training_ones_are(data, run):
    for folder, same in (("bounding_box_test", True), ("bounding_box_train", False)):
        path = min((data / folder).iterdir())
        path.write_bytes(path.read_bytes() + b"\0")
        if same:
            again, heard = train(data, run, resume=True)
            assert heard.steps == 0
            [note] = heard.notes
            assert "the test images were of fingerprint" in note
            assert again.card.trained_on.is_of(crosscam.load_dataset("market1501", data))
        else:
            with pytest.raises(RunError, match="started on other data"):
                train(data, run, resume=True)


def test_what_a_run_goes_on_with_is_what_its_folder_says(market, run):
    with pytest.raises(RunError, match=r"compute.autocast was none, is bf16"):
        train(market, run, "compute.autocast=bf16", resume=True)
    again, _ = train(market, run, "compute.memory_format=channels_last", resume=True)
    recipe = crosscam.load_recipe(run / "recipe.toml")
    assert recipe.compute.memory_format == "channels_last"
    assert again.card.recipe == recipe.model_dump(exclude_none=True, mode="json")
    assert again.card.memory_format == "channels_last"


def test_copies_that_the_recipes_protocol_does_not_rule_out_are_noted(data, tmp_path, monkeypatch):
    queries, gallery = (
        sorted((data / part).glob("0007_c1*")) for part in ("query", "bounding_box_test")
    )
    shutil.copy(gallery[0], queries[0])
    monkeypatch.setattr(finish, "_tested", lambda *arguments, **options: {})
    listener = Listener()
    dataset = crosscam.load_dataset("market1501", data)
    assert not any("copies" in note for note in dataset.notes)
    settings = [*TINY, "schedule.epochs=1", "schedule.milestones=[]", "test.protocol=no-cameras"]
    run = crosscam.train(
        RECIPE, dataset, tmp_path / "run", overrides=settings, watcher=listener
    ).folder
    [note] = listener.notes
    assert note.startswith("1 of 12 queries are copies of gallery images, byte for byte")
    assert content(run, "environment.json")["notes"] == [*dataset.notes, note]


def test_the_number_of_threads_is_chosen_once(market, tmp_path):
    settings = ("compute.threads=0", "schedule.epochs=1", "schedule.milestones=[]")
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        _, heard = train(market, tmp_path / "run", *settings)
        assert "2 threads" in heard.starts[0]
        torch.set_num_threads(1)
        _, heard = train(market, tmp_path / "run", *settings, resume=True)
    finally:
        torch.set_num_threads(before)
    assert "2 threads" in heard.starts[0]
    assert heard.notes == []
    assert content(tmp_path / "run", "environment.json")["threads"] == 2


class Stopping(SilentWatcher):
    """Ends a training in its second epoch, as a fault would."""

    def on_step(self, record):
        if record.step.epoch:
            raise DataError("stopped")


def test_a_network_under_another_end_is_trained_gone_on_with_and_loaded(market, tmp_path):
    settings = ("model=lightres", "head.name=bnneck")
    run, _ = train(market, tmp_path / "whole", *settings)
    assert content(run.folder)["head"] == {"name": "bnneck"}
    embedder = crosscam.load_embedder(run.folder, runtime="torch")
    dataset = crosscam.load_dataset("market1501", market)
    query = [sample.path for sample in dataset.query]
    assert (embedder.embed(query) == run.embedder.embed(query)).all()
    assert crosscam.evaluate(embedder, dataset).mAP == run.scores.mAP

    recipe = crosscam.load_recipe(RECIPE, [*TINY, *settings])
    with pytest.raises(DataError, match="stopped"):
        crosscam.train(recipe, dataset, tmp_path / "stopped", watcher=Stopping())
    again, heard = train(market, tmp_path / "stopped", *settings, resume=True)
    assert 0 < heard.steps < 6
    assert again.card.weights_sha256 == run.card.weights_sha256
    with pytest.raises(RunError, match="head was .*bnneck.*, is None"):
        train(market, tmp_path / "stopped", "model=lightres", resume=True)


def test_a_model_that_can_have_no_other_end_is_refused_before_there_is_a_folder(market, tmp_path):
    with pytest.raises(crosscam.CrosscamError, match="jigsaw=yes can have no end but its own"):
        train(market, tmp_path / "run", "model=vit_small:jigsaw=yes", "head.name=bnneck")
    assert not (tmp_path / "run").exists()


def test_a_run_is_a_start(market, trained, tmp_path, monkeypatch):
    folder = trained[0].folder
    monkeypatch.chdir(folder.parent)
    run, _ = train(market, tmp_path / "run", f"weights={folder.name}", "optimizer.lr=1e-30")
    assert run.card.trained_on.initial_weights == (
        f"{folder.name}: mobilenetv2 trained on market1501, "
        f"model.safetensors of SHA-256 {trained[0].card.weights_sha256}"
    )
    first = next(iter(crosscam.load_model(folder).parameters()))
    assert torch.equal(first, next(iter(crosscam.load_model(run.folder).parameters())))


def test_a_folder_without_a_model_is_no_start(market, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(WeightsError, match="no trained model in"):
        train(market, tmp_path / "run", f"weights={tmp_path / 'empty'}")
    assert not (tmp_path / "run").exists()
