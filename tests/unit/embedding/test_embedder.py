"""The embedder: pictures of every kind in, features out, and nothing about it ever changes."""

from dataclasses import FrozenInstanceError, dataclass, replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tiny import card, write_image
from torch import nn

import crosscam
from crosscam.data.transforms import Preprocess
from crosscam.decisions.calibration import Calibration
from crosscam.embedding.embedder import Embedder
from crosscam.embedding.network import TorchNetwork
from crosscam.embedding.pictures import prepare_pictures
from crosscam.embedding.samples import embed_samples
from crosscam.errors import DataError, InputError
from crosscam.models.base import ReIDModel
from crosscam.ranking.distances import pair_distances
from crosscam.types import Sample
from crosscam.weights.saved import save_card, save_weights


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return crosscam.create_model("lightres", num_classes=2)


@pytest.fixture(scope="module")
def embedder(model):
    return Embedder.of_network(model, Preprocess(64, 32), "cosine")


@pytest.fixture(scope="module")
def calibrated(embedder):
    calibration = Calibration(
        kind="platt",
        slope=8.0,
        intercept=1.0,
        metric="cosine",
        made_by="0-0",
        data="nobody",
        pids=(1,),
        camids=None,
        images=1,
        genuine_pairs=1,
        impostor_pairs=1,
        log_likelihoods={},
        thresholds=(),
    )
    return replace(embedder, calibration=calibration)


def pixels(seed, size=(40, 24)):
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    return [write_image(folder / f"{number}.png", number) for number in range(5)]


def test_paths_images_and_arrays_give_the_same_features(embedder, model, files):
    images = [Image.open(file) for file in files]
    arrays = [np.asarray(image) for image in images]
    expected = embedder.embed(files)
    assert expected.shape == (5, 256)
    assert expected.dtype == np.float32
    mixed = [files[0], str(files[1]), images[2], arrays[3], arrays[4]]
    for given_pictures in (images, arrays, mixed, np.stack(arrays)):
        np.testing.assert_allclose(embedder.embed(given_pictures), expected, rtol=1e-5, atol=1e-6)
    with torch.inference_mode():
        one = model.eval()(embedder.preprocess(images[0]).unsqueeze(0))
    np.testing.assert_allclose(expected[:1], one, rtol=1e-5, atol=1e-6)


def test_a_samples_features_are_those_of_its_picture(embedder, files):
    samples = [Sample(file, 1, None) for file in files]
    own = embed_samples(embedder, samples, batch_size=2)
    np.testing.assert_allclose(own.features, embedder.embed(files), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("threads", "expected"), [(1, [4, 8, 9]), (2, [8, 9, 9])])
def test_pictures_are_taken_as_they_are_needed(embedder, threads, expected):
    torch.set_num_threads(threads)
    taken = []

    def arrays():
        for number in range(9):
            taken.append(number)
            yield pixels(number)

    seen = []
    network = embedder.network

    class Noting:
        feature_dim, uses_cameras, device = network.feature_dim, False, network.device

        def __call__(self, images, camids):
            seen.append(len(taken))
            return network(images, camids)

    features = replace(embedder, network=Noting()).embed(arrays(), batch_size=4)
    assert features.shape == (9, 256)
    assert seen == expected
    assert embedder.embed([]).shape == (0, 256)


def test_threads_open_pictures_in_their_order(embedder, tmp_path):
    files = [write_image(tmp_path / f"{seed}.jpg", seed) for seed in range(12)]

    def prepared(threads):
        prepare = embedder.preprocess.from_rgb
        return list(prepare_pictures(files, prepare, order="rgb", threads=threads))

    for one, other in zip(prepared(1), prepared(3), strict=True):
        assert torch.equal(one, other)
    for broken in (files[7], files[4]):
        broken.write_bytes(b"none")
    with pytest.raises(DataError, match=r"4\.jpg"):
        prepared(3)


def test_the_order_of_channels_is_said(embedder):
    rgb = [pixels(number) for number in range(3)]
    bgr = [array[:, :, ::-1] for array in rgb]
    expected = embedder.embed(rgb)
    assert np.array_equal(embedder.embed(bgr, order="bgr"), expected)
    assert not np.allclose(embedder.embed(bgr), expected, rtol=0.1)
    image = Image.fromarray(rgb[0])
    assert np.array_equal(embedder.embed([image], order="bgr"), embedder.embed([image]))
    with pytest.raises(InputError, match='order is "rgb" or "bgr".*not \'BGR\''):
        embedder.embed(rgb, order="BGR")


@pytest.mark.parametrize(
    ("pictures", "message"),
    [
        ("a.jpg", "give a list of pictures"),
        (Image.new("RGB", (9, 9)), "give a list of pictures"),
        (pixels(0), "give a list of pictures"),
        ([pixels(0), pixels(0).astype(np.float32)], r"picture 1 must be a uint8 array.*float32"),
        ([pixels(0)[:, :, 0]], r"picture 0 must be a uint8 array .H, W, 3., not .40, 24. uint8"),
        ([np.zeros((4, 4, 4), np.uint8)], "must be a uint8 array"),
        ([torch.zeros(3, 4, 4)], "picture 0 is a Tensor; give a path"),
        ([np.zeros((0, 5, 3), np.uint8)], "picture 0 has no pixels"),
        ([Image.new("RGB", (0, 5))], "picture 0: .*pixel"),
        ([Image.new("RGB", (1, 500))], "picture 0: .*pixel"),
    ],
)
def test_what_is_no_picture_is_refused(embedder, pictures, message):
    with pytest.raises(InputError, match=message):
        embedder.embed(pictures)


def test_a_broken_file_is_named(embedder, files, tmp_path):
    broken = tmp_path / "half.png"
    broken.write_bytes(files[0].read_bytes()[:100])
    with pytest.raises(DataError, match=r"half\.png"):
        embedder.embed([files[0], broken])
    with pytest.raises(DataError, match="no such image"):
        embedder.embed([tmp_path / "gone.jpg"])


def test_features_that_are_not_finite_are_refused(files):
    broken = crosscam.create_model("resnet18", num_classes=2)
    nn.init.constant_(broken.conv1.weight, float("nan"))
    with pytest.raises(InputError, match="not finite"):
        Embedder.of_network(broken).embed(files[:1])


def test_boxes_are_cut_out_of_the_frame(embedder):
    frame = pixels(1, (90, 120))
    boxes = [(10, 5, 40, 65), (80.4, 20.6, 130, 100), (-5, -5, 20, 40)]
    crops = [frame[5:65, 10:40], frame[21:90, 80:120], frame[0:40, 0:20]]
    expected = embedder.embed(crops, order="bgr")
    assert np.array_equal(embedder.embed_boxes(frame, boxes), expected)
    as_rgb = embedder.embed_boxes(frame[:, :, ::-1], np.array(boxes), order="rgb")
    assert np.array_equal(as_rgb, expected)
    unit = embedder.embed_boxes(frame, boxes, unit_length=True)
    np.testing.assert_allclose(np.linalg.norm(unit, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(
        unit, expected / np.linalg.norm(expected, axis=1, keepdims=True), rtol=1e-5, atol=1e-6
    )
    assert embedder.embed_boxes(frame, []).shape == (0, 256)
    assert embedder.embed_boxes(frame, np.zeros((0, 4))).shape == (0, 256)


@pytest.mark.parametrize("box", [(200, 10, 250, 60), (5, 5, 5, 20), (-9, -9, -1, -1)])
def test_a_box_without_a_pixel_is_an_error_or_nan(embedder, box):
    frame, good = pixels(1, (90, 120)), (10, 5, 40, 65)
    with pytest.raises(InputError, match=r"box 1: it has no pixel inside the frame; leave it out"):
        embedder.embed_boxes(frame, [good, box])
    found = embedder.embed_boxes(frame, [box, good, box], missing="nan")
    assert np.isnan(found).all(axis=1).tolist() == [True, False, True]
    assert np.array_equal(found[1:2], embedder.embed_boxes(frame, [good]))


@pytest.mark.parametrize(
    ("frame", "boxes", "message"),
    [
        (pixels(0), [(1, 2, 3)], r"boxes must be .N, 4."),
        (pixels(0), [(1, 2, np.nan, 4)], "boxes must be finite"),
        (pixels(0), [(20, 2, 10, 4)], "box 0 ends before it begins.*not left, top, width, height"),
        (pixels(0).astype(float), [(1, 2, 3, 4)], "the frame must be a uint8 array"),
    ],
)
def test_boxes_and_frames_that_cannot_be_are_refused(embedder, frame, boxes, message):
    with pytest.raises(InputError, match=message):
        embedder.embed_boxes(frame, boxes)
    with pytest.raises(InputError, match='missing is "error" or "nan"'):
        embedder.embed_boxes(pixels(0), [], missing="zero")


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(*[st.floats(-150, 150)] * 2, *[st.floats(0, 200)] * 2), min_size=1, max_size=4
    )
)
def test_any_boxes_give_a_row_each_that_is_whole_or_nan(embedder, corners):
    frame = pixels(3, (50, 60))
    boxes = [(left, top, left + wide, top + tall) for left, top, wide, tall in corners]
    found = embedder.embed_boxes(frame, boxes, missing="nan")
    assert found.shape == (len(boxes), 256)
    is_nan = np.isnan(found)
    assert (is_nan.all(axis=1) | ~is_nan.any(axis=1)).all()


def test_nothing_about_it_changes(embedder):
    for name, value in (("metric", "euclidean"), ("preprocess", Preprocess(1, 1))):
        with pytest.raises(FrozenInstanceError):
            setattr(embedder, name, value)
    other = replace(embedder, metric="euclidean")
    assert (other.metric, embedder.metric) == ("euclidean", "cosine")


@pytest.mark.slow
def test_other_weights_have_no_calibration(tmp_path, calibrated, model):
    """Weights that are put into a network are another embedder's, which has none."""
    save_card(
        tmp_path, card(model, architecture="lightres", weights_sha256=save_weights(tmp_path, model))
    )
    loaded = crosscam.load_model(tmp_path)
    crosscam.load_weights(loaded, tmp_path / "model.safetensors")
    other = Embedder.of_network(loaded)
    assert other.calibration is None
    assert other.made_by is None
    assert (other.preprocess, other.metric) == (loaded.preprocess, loaded.metric)
    assert not hasattr(loaded, "calibration")
    assert calibrated.calibration is not None


def test_made_by_names_weights_and_preprocessing(embedder):
    assert embedder.made_by is None
    saved = replace(embedder, weights_sha256="ab" * 32)
    assert saved.made_by == replace(saved, metric="euclidean", card=None).made_by
    assert saved.made_by.startswith("abababababababab-")
    others = (
        replace(saved, weights_sha256="ac" * 32),
        replace(saved, preprocess=replace(saved.preprocess, width=31)),
        replace(saved, preprocess=replace(saved.preprocess, mean=(0.5, 0.5, 0.5))),
    )
    assert len({saved.made_by, *(other.made_by for other in others)}) == 4
    assert saved.made_by == "abababababababab-9dcb1976"  # as it stands in calibrations


def test_a_new_setting_leaves_the_names_that_there_are(embedder):
    @dataclass(frozen=True)
    class Later(Preprocess):
        filter: str = "bilinear"

    saved = replace(embedder, weights_sha256="ab" * 32)
    assert replace(saved, preprocess=Later(64, 32)).made_by == saved.made_by
    assert replace(saved, preprocess=Later(64, 32, filter="box")).made_by != saved.made_by


def test_probabilities_are_of_all_pairs(calibrated):
    features = calibrated.embed([pixels(number) for number in range(5)])
    found = calibrated.probabilities(features[:2], torch.from_numpy(features[2:]))
    assert found.shape == (2, 3)
    for row in range(2):
        for column in range(3):
            pair = torch.from_numpy(features[[row]]), torch.from_numpy(features[[2 + column]])
            distance = pair_distances(*pair, "cosine").numpy()
            expected = calibrated.calibration.probability(distance)[0]
            assert found[row, column] == pytest.approx(expected, abs=1e-9)
    lower = calibrated.probabilities(features[:2], features[2:], prior=0.01)
    assert (lower < found).all()
    with pytest.raises(InputError, match="has no calibration"):
        replace(calibrated, calibration=None).probabilities(features, features)
    with pytest.raises(InputError, match=r"are \(N, 256\) floating numbers"):
        calibrated.probabilities(features[:, :9], features[:, :9])


def test_two_arrays_are_two_pictures(calibrated):
    one, other = pixels(1), pixels(2)
    found = calibrated.same_person(one, other, order="bgr")
    assert isinstance(found, float)
    images = [Image.fromarray(np.ascontiguousarray(array[:, :, ::-1])) for array in (one, other)]
    assert calibrated.same_person(*images) == pytest.approx(found, abs=1e-9)
    assert calibrated.same_person([one], [other], order="bgr").shape == (1,)
    with pytest.raises(InputError, match="pixel"):
        calibrated.same_person(Image.new("RGB", (0, 5)), images[0])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_a_network_works_in_the_precision_of_its_weights(dtype, files):
    torch.manual_seed(0)
    network = crosscam.create_model("lightres", num_classes=2)
    expected = Embedder.of_network(network, Preprocess(64, 32)).embed(files)
    found = Embedder.of_network(network.to(dtype), Preprocess(64, 32)).embed(files)
    assert found.dtype == np.float32
    cosine = (expected * found).sum(axis=1)
    cosine /= np.linalg.norm(expected, axis=1) * np.linalg.norm(found, axis=1)
    assert (cosine > 0.99).all()


def test_a_model_in_training_is_left_in_training(files):
    network = crosscam.create_model("resnet18", num_classes=2).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    Embedder.of_network(network, Preprocess(64, 32)).embed(files)
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


class ByCamera(ReIDModel):
    """A network whose feature is the mean colour, and the camera."""

    uses_cameras = True

    def __init__(self):
        super().__init__()
        self.input_size, self.feature_dim, self.num_classes = (8, 4), 4, 1
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, images, camids):
        unknown = torch.full((len(images),), -1.0)
        cameras = unknown if camids is None else camids.float()
        return torch.cat([self.scale * images.mean(dim=(2, 3)), cameras[:, None]], dim=1)


def test_cameras_reach_a_network_that_uses_them(files, embedder):
    by_camera = Embedder(TorchNetwork(ByCamera()), Preprocess(8, 4))
    assert by_camera.embed(files)[:, 3].tolist() == [-1] * 5
    assert by_camera.embed(files, camids=[4, 3, 2, 1, 0], batch_size=2)[:, 3].tolist() == [
        4,
        3,
        2,
        1,
        0,
    ]
    samples = [Sample(file, 1, number) for number, file in enumerate(files)]
    for workers in (0, 1):
        found = embed_samples(by_camera, samples, batch_size=2, workers=workers)
        assert found.features[:, 3].tolist() == [0, 1, 2, 3, 4]
    assert np.array_equal(embedder.embed(files, camids=range(5)), embedder.embed(files))
    for camids, message in ((range(3), "camids for 3 pictures alone"), (range(9), "more camids")):
        with pytest.raises(InputError, match=message):
            by_camera.embed(files, camids=camids)
