"""The readers of LTCC and PRCC, whose people change clothes, and tests by their protocols.

On small archives made apart from them, in the released layout. People, cameras and clothes of these
archives, and scores by clothes on random features, were compared with Simple-CCReID
(guxinqian/Simple-CCReID, f773d01): all were equal.
"""

import shutil
from dataclasses import replace

import golden
import pytest
from golden import DATA
from tiny import write_image

import crosscam
from crosscam.data.fingerprint import fingerprint
from crosscam.errors import DataError
from crosscam.settings.evaluation import EvaluationSettings

PRCC = "prcc/rgb"


def load(name, variant=None):
    return crosscam.load_dataset(name, DATA / name, variant=variant)


def labels(samples):
    return [(sample.pid, sample.camid, sample.clothes) for sample in samples]


@pytest.fixture
def copied(tmp_path):
    """Copies an archive, to break."""
    return lambda name: shutil.copytree(DATA / name, tmp_path / name)


@pytest.fixture(scope="module")
def model():
    """A model that was never trained."""
    return golden.fill(crosscam.create_model("shufflenet", num_classes=5)).eval()


@pytest.mark.parametrize(
    ("variant", "protocol"),
    [
        (None, "cross-camera"),
        ("standard", "cross-camera"),
        ("clothes-changing", "clothes-changing"),
        ("same-clothes", "same-clothes"),
    ],
)
def test_the_independent_archive_of_ltcc(variant, protocol):
    dataset = load("ltcc", variant)
    assert (dataset.name, dataset.protocol) == (f"ltcc:{variant or 'standard'}", protocol)
    assert labels(dataset.train) == [(0, 2, 1), (0, 9, 1), (0, 6, 2), (8, 10, 1), (8, 12, 3)]
    assert labels(dataset.query) == [(1, 1, 1), (1, 4, 2), (22, 3, 1)]
    assert labels(dataset.gallery)[:5] == [(1, 1, 1), (1, 2, 1), (1, 1, 2), (1, 2, 2), (1, 5, 3)]
    assert len(dataset.gallery) == 9
    assert dataset.has_clothes
    assert "3 queries, published are 493" in dataset.notes


@pytest.mark.parametrize(
    ("variant", "query", "images"),
    [
        (None, [(3, 3, 1), (3, 3, 1), (221, 3, 1)], 5),
        ("clothes-changing", [(3, 3, 1), (3, 3, 1), (221, 3, 1)], 5),
        ("same-clothes", [(3, 2, 0), (221, 2, 0)], 5),
        ("same-clothes+val", [(3, 2, 0), (221, 2, 0)], 7),
    ],
)
def test_the_independent_archive_of_prcc(variant, query, images):
    dataset = load("prcc", variant)
    assert dataset.name == f"prcc:{variant or 'clothes-changing'}"
    assert labels(dataset.query) == query
    assert [pid for pid, *_ in labels(dataset.gallery)] == [3, 3, 74, 221, 221]
    assert {labels[1:] for labels in labels(dataset.gallery)} == {(1, 0)}
    assert labels(dataset.train)[:3] == [(1, 1, 0), (1, 2, 0), (1, 3, 1)]
    assert len(dataset.train) == images
    assert dataset.protocol == "cross-camera"


@pytest.mark.slow
def test_what_counts_in_a_test_is_what_the_protocol_asks_for(model):
    """Of ltcc's three queries, by hand: (1, camera 1, clothes 1), (1, 4, 2) and (22, 3, 1)."""
    valid = {}
    for variant in ("standard", "clothes-changing", "same-clothes"):
        valid[variant] = crosscam.evaluate(model, load("ltcc", variant)).num_valid_queries
    assert valid == {"standard": 3, "clothes-changing": 2, "same-clothes": 3}
    asked = EvaluationSettings(protocol="clothes-changing")
    by_name = crosscam.evaluate(model, load("ltcc"), settings=asked)
    own = crosscam.evaluate(model, load("ltcc", "clothes-changing"))
    assert by_name.to_json() == own.to_json()
    reranked = EvaluationSettings(rerank=True, k1=2, k2=1)
    again = crosscam.evaluate(model, load("ltcc", "clothes-changing"), settings=reranked)
    assert again.num_valid_queries == 2


def test_prcc_can_be_tested_by_the_draws_of_its_authors(model):
    scores = crosscam.evaluate(
        model, load("prcc"), settings=EvaluationSettings(protocol="single-shot")
    )
    assert isinstance(scores, crosscam.ExpectedScores)
    assert scores.num_valid_queries == 3


@pytest.mark.parametrize("protocol", ["clothes-changing", "same-clothes"])
def test_clothes_that_are_not_known_are_refused(protocol):
    settings = EvaluationSettings(protocol=protocol)
    with pytest.raises(DataError, match=f"not known who wears which .*{protocol} needs; ltcc"):
        settings.resolve(load("market1501"))
    ltcc = load("ltcc")
    lone = ltcc.gallery[0]
    some = replace(ltcc, query=ltcc.query[:1], gallery=(lone,))
    with pytest.raises(DataError, match="from another camera"):
        settings.resolve(some)
    worn = lone._replace(camid=5, clothes=9 if protocol == "same-clothes" else 1)
    with pytest.raises(DataError, match=rf"in \w+ clothes from another camera .* {protocol} asks"):
        settings.resolve(replace(some, gallery=(worn,)))


def test_a_fingerprint_knows_the_clothes():
    ltcc = load("ltcc")
    changed = replace(ltcc, query=(ltcc.query[0]._replace(clothes=9), *ltcc.query[1:]))
    assert fingerprint(changed) != fingerprint(ltcc)


@pytest.mark.parametrize(
    ("name", "lost", "message"),
    [
        ("ltcc", "LTCC_ReID/query", "ltcc in .*LTCC_ReID lacks query; unpack the whole"),
        ("prcc", f"{PRCC}/val", "prcc in .*prcc lacks rgb/val; unpack the whole"),
        ("prcc", f"{PRCC}/test/B", "prcc in .*prcc lacks rgb/test/B; unpack the whole"),
        ("prcc", f"{PRCC}/train/001", None),
    ],
)
def test_half_an_archive_says_what_is_missing(copied, name, lost, message):
    root = copied(name)
    shutil.rmtree(root / lost)
    if message is None:
        shutil.rmtree(root / PRCC / "train" / "006")
        message = "no people in .*train: looked for folders like 001"
    with pytest.raises(DataError, match=message):
        crosscam.load_dataset(name, root)


@pytest.mark.parametrize(
    ("name", "file", "message"),
    [
        ("ltcc", "LTCC_ReID/test/001_c1_015834.png", "misnamed image .*001_1_c1_015833.png"),
        ("prcc", f"{PRCC}/train/001/D_cropped_rgb001.jpg", "misnamed image .*A_cropped_rgb001"),
        ("prcc", f"{PRCC}/test/C/003/C_cropped_rgb001.jpg", "misnamed image .*cropped_rgb001.jpg"),
        ("prcc", f"{PRCC}/test/A/p3/cropped_rgb001.jpg", "misnamed folder .*p3.*look like 001"),
    ],
)
def test_what_is_misnamed_is_refused_by_name(copied, name, file, message):
    root = copied(name)
    write_image(root / file)
    with pytest.raises(DataError, match=message):
        crosscam.load_dataset(name, root)
