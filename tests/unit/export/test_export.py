"""Exporting a model: what is in the file, and that nothing is left of one that is wrong."""

import dataclasses
import errno
import json
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from exporting import small_embedder
from PIL import Image
from tiny import write_coloured

import crosscam
from crosscam.embedding.conversion import to_onnx
from crosscam.embedding.embedder import Embedder
from crosscam.embedding.exported import METADATA_KEY, ExportCard
from crosscam.errors import DataError, ExportError, ExtraError, InputError, ModelError
from crosscam.export import export as exporting
from crosscam.export.check import check_images, cosine_distance
from crosscam.export.pixels import PixelInput
from crosscam.export.smaller import MOST_PICTURES, choose_pictures

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def embedder():
    return small_embedder()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """The root of a small data set whose people can be told apart."""
    return write_coloured(tmp_path_factory.mktemp("coloured"), people=6)


@pytest.fixture(scope="module")
def converted(embedder):
    """The network as ONNX, once."""
    return to_onnx(embedder.network.model, torch.zeros(2, 3, 64, 32))


@pytest.fixture
def quick(converted, monkeypatch):
    """Exports that need not convert the network again."""

    def copied(network, example):
        assert example.shape == (2, 3, 64, 32)
        copy = onnx.ModelProto()
        copy.CopyFrom(converted)
        return copy

    monkeypatch.setattr(exporting, "to_onnx", copied)


def read_card(file):
    model = onnx.load(file)
    return ExportCard.model_validate_json(
        {entry.key: entry.value for entry in model.metadata_props}[METADATA_KEY]
    )


def run(file, batch):
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    return torch.from_numpy(session.run(["features"], {"images": batch})[0])


@pytest.mark.usefixtures("quick")
def test_a_file_says_what_it_is_and_does_what_the_model_does(embedder, tmp_path):
    file = tmp_path / "model.onnx"
    done = crosscam.export_model(embedder, file)
    assert done.file == file
    assert done.check.largest_distance < 1e-5
    assert done.check.same_order
    assert done.cost is None
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]
    model = onnx.load(file)
    onnx.checker.check_model(model, full_check=True)
    assert model.producer_name == "crosscam"
    assert model.producer_version == crosscam.__version__
    assert [(one.domain, one.version) for one in model.opset_import] == [("", 18)]
    card = read_card(file)
    assert card == done.card == ExportCard(card=embedder.card, opset=18)
    images = check_images(embedder.preprocess)
    expected = embedder.network(images, None)
    assert cosine_distance(run(file, images.numpy()), expected) < 1e-10


def test_equal_models_give_equal_bytes_that_name_no_file_of_this_machine(embedder, converted):
    again = to_onnx(embedder.network.model, torch.zeros(2, 3, 64, 32))
    content = converted.SerializeToString(deterministic=True)
    assert content == again.SerializeToString(deterministic=True)
    assert b".py" not in content


@pytest.mark.usefixtures("quick")
def test_the_card_is_that_of_the_embedder_as_it_is(embedder, tmp_path):
    changed = dataclasses.replace(embedder, metric="euclidean")
    done = crosscam.export_model(changed, tmp_path / "model.onnx")
    assert done.card.card.metric == "euclidean"
    assert embedder.card.metric == "cosine"


def test_with_preprocessing_it_takes_the_pixels(embedder, tmp_path):
    file = tmp_path / "model.onnx"
    done = crosscam.export_model(embedder, file, with_preprocessing=True)
    assert done.check.largest_distance < 1e-5
    assert read_card(file).has_preprocessing
    pixels = np.random.default_rng(1).integers(0, 256, (3, 64, 32, 3), dtype=np.uint8)
    expected = embedder.embed([Image.fromarray(one) for one in pixels])
    torch.testing.assert_close(run(file, pixels), torch.from_numpy(expected), rtol=1e-4, atol=1e-5)


def test_pixels_come_back_from_images(embedder):
    pixels = np.arange(256, dtype=np.uint8).repeat(24).reshape(1, 64, 32, 3)
    images = embedder.preprocess.normalise(Image.fromarray(pixels[0]))[None]
    assert np.array_equal(embedder.preprocess.pixels_of(images), pixels)
    taken = PixelInput(torch.nn.Identity(), embedder.preprocess)(torch.from_numpy(pixels))
    torch.testing.assert_close(taken, images)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("precision", "share"), [("float16", 0.52), ("int8", 0.35)])
def test_another_precision_is_smaller_and_says_its_cost(
    embedder, pictures, tmp_path, precision, share
):
    file = tmp_path / "model.onnx"
    how = {"half": True} if precision == "float16" else {"int8": pictures / "query"}
    dataset = crosscam.load_dataset("market1501", pictures)
    done = crosscam.export_model(embedder, file, cost_on=dataset, **how)
    assert file.stat().st_size < share * 2_558_000
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]
    assert done.check.largest_distance < 0.01
    card = read_card(file)
    assert card.precision == precision
    scores = crosscam.evaluate(embedder, dataset)
    assert card.cost["data"] == "market1501"
    assert card.cost["mAP_before"] == scores.mAP
    assert card.cost["rank1_before"] == scores.cmc[0]
    assert card.cost["mAP_after"] == pytest.approx(scores.mAP, abs=0.1)
    assert "mAP" in done.cost.in_words()
    found = run(file, check_images(embedder.preprocess).numpy())
    assert found.dtype == torch.float32


def test_torch_export_is_checked_by_loading_it_again(embedder, tmp_path):
    file = tmp_path / "model.pt2"
    done = crosscam.export_model(embedder, file, to="torch-export", with_preprocessing=True)
    assert done.check.largest_distance < 1e-5
    extra = {METADATA_KEY: ""}
    module = torch.export.load(file, extra_files=extra).module()
    assert ExportCard.model_validate_json(extra[METADATA_KEY]) == done.card
    assert done.card.opset is None
    pixels = embedder.preprocess.pixels_of(check_images(embedder.preprocess)[:3])
    expected = embedder.network(check_images(embedder.preprocess)[:3], None)
    with torch.inference_mode():
        torch.testing.assert_close(module(torch.from_numpy(pixels)), expected, rtol=1e-4, atol=1e-5)


def change_features(monkeypatch, change):
    """Have what was exported give features that were changed."""
    honest = exporting.open_exported

    def opened(*arguments, **named):
        network = honest(*arguments, **named)
        return lambda images, camids: change(network(images, camids))

    monkeypatch.setattr(exporting, "open_exported", opened)


WRONG = {
    "other features": (lambda found: found + 0.01 * found.roll(1), "cosine distance is up to"),
    "not finite": (lambda found: found / 0, "are not finite"),
    "too short": (lambda found: found[:, :-1], "gives"),
}


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("fault", WRONG)
def test_nothing_is_left_of_an_export_that_does_something_else(
    embedder, tmp_path, monkeypatch, fault
):
    change, message = WRONG[fault]
    file = tmp_path / "model.onnx"
    file.write_bytes(b"the old one")
    change_features(monkeypatch, change)
    with pytest.raises(ExportError, match=message):
        crosscam.export_model(embedder, file, overwrite=True)
    assert file.read_bytes() == b"the old one"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.usefixtures("quick")
def test_other_ranks_are_refused_even_of_the_same_direction(embedder, tmp_path, monkeypatch):
    """Features of other lengths, which the cosine does not see, but the Euclidean metric does."""
    change_features(monkeypatch, lambda found: found * torch.linspace(1, 9, len(found))[:, None])
    with pytest.raises(ExportError, match="in another order"):
        crosscam.export_model(
            dataclasses.replace(embedder, metric="euclidean"), tmp_path / "model.onnx"
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space")])
def test_nothing_is_left_where_it_is_stopped(embedder, tmp_path, monkeypatch, error):
    def stop(file, model, card):
        file.write_bytes(b"half")
        raise error

    monkeypatch.setattr(exporting, "write_onnx", stop)
    with pytest.raises(type(error)):
        crosscam.export_model(embedder, tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_network_that_torch_cannot_convert_is_named(tmp_path, monkeypatch):
    embedder = small_embedder()

    def looks(self, images):
        if images.sum() > 0:
            return images.flatten(1)
        return images.flatten(1) + 1

    monkeypatch.setattr(type(embedder.network.model), "forward", looks)
    with pytest.raises(ModelError, match="torch cannot convert this network to torch.export: "):
        crosscam.export_model(embedder, tmp_path / "model.pt2", to="torch-export")
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_stays_unless_told(embedder, tmp_path):
    file = tmp_path / "model.onnx"
    file.write_bytes(b"the old one")
    with pytest.raises(ExportError, match="is there already.*--force"):
        crosscam.export_model(embedder, file)
    with pytest.raises(ExportError, match="is a folder"):
        crosscam.export_model(embedder, tmp_path, overwrite=True)
    with pytest.raises(ExportError, match="there is no folder"):
        crosscam.export_model(embedder, tmp_path / "none" / "model.onnx")
    assert file.read_bytes() == b"the old one"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"half": True, "int8": "x"}, "exclude each other"),
        ({"half": True, "to": "torch-export"}, "of ONNX alone"),
        ({"to": "tflite"}, '"onnx" or "torch-export"'),
    ],
)
def test_options_that_do_not_go_together(embedder, tmp_path, arguments, message):
    with pytest.raises(InputError, match=message):
        crosscam.export_model(embedder, tmp_path / "model.onnx", **arguments)


def test_models_that_cannot_be_exported_are_refused(embedder, tmp_path):
    bare = Embedder.of_network(crosscam.create_model("lightres", num_classes=2))
    with pytest.raises(ExportError, match="never saved"):
        crosscam.export_model(bare, tmp_path / "model.onnx")
    with pytest.raises(ExportError, match="another runtime"):
        crosscam.export_model(dataclasses.replace(embedder, network=None), tmp_path / "model.onnx")


@pytest.mark.parametrize("missing", ["onnx", "onnxscript", "onnxruntime"])
def test_packages_that_are_missing_are_named(embedder, tmp_path, monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ExtraError, match=rf"needs {missing}.*crosscam\[onnx\]"):
        crosscam.export_model(embedder, tmp_path / "model.onnx")


def test_a_few_pictures_of_a_folder_calibrate(pictures, tmp_path):
    assert choose_pictures(pictures / "query") == sorted((pictures / "query").iterdir())
    for number in range(3 * MOST_PICTURES):
        (tmp_path / f"{number:04}.jpg").touch()
    chosen = choose_pictures(tmp_path)
    assert [path.name for path in chosen[:3]] == ["0000.jpg", "0003.jpg", "0006.jpg"]
    assert len(chosen) == MOST_PICTURES
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no pictures in"):
        choose_pictures(tmp_path / "empty")


def test_weights_beyond_what_a_file_holds_are_refused(embedder, tmp_path, monkeypatch):
    monkeypatch.setattr("crosscam.export.formats._LARGEST", 1_000_000)
    with pytest.raises(ExportError, match="ends at 2 GB; export it with --to torch-export"):
        crosscam.export_model(embedder, tmp_path / "model.onnx")


def test_channels_last_and_a_network_in_training_mode_are_taken_as_they_are(tmp_path):
    embedder = small_embedder(memory_format="channels_last")
    model = embedder.network.model.to(memory_format=torch.channels_last).train()
    done = crosscam.export_model(embedder, tmp_path / "model.pt2", to="torch-export")
    assert done.check.largest_distance < 1e-5
    assert model.training
    assert json.loads(done.card.model_dump_json())["card"]["memory_format"] == "channels_last"
