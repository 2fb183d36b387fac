"""What is taken as an array, and what is refused: everywhere that arrays come in."""

import dataclasses
import importlib
import pkgutil

import numpy as np
import pytest
import scipy.sparse
import torch

import crosscam
from crosscam.arrays import take_array, take_integers
from crosscam.decisions.calibration import Calibration
from crosscam.errors import InputError
from crosscam.ranking.expansion import augment_gallery, expand_queries
from crosscam.ranking.neighbours import nearest
from crosscam.types import Embeddings

EYE = np.eye(3, dtype=np.float32)
PIDS = np.array([1, 2, 3])
BEYOND = np.array([1, 2, 2**64 - 1], dtype=np.uint64)

STRANGE_FEATURES = {
    "masked": np.ma.masked_array(EYE, mask=EYE > 0),
    "masked rows": [np.ma.masked_array(row, mask=row > 0) for row in EYE],
    "sparse of SciPy": scipy.sparse.csr_matrix(EYE),
    "sparse of torch": torch.eye(3).to_sparse(),
    "meta": torch.empty(3, 3, device="meta"),
    "objects": EYE.astype(object),
    "complex": EYE.astype(np.complex64),
    "complex of torch": torch.eye(3, dtype=torch.complex64),
    "words": np.array([["a"] * 3] * 3),
    "dates": np.zeros((3, 3), dtype="datetime64[s]"),
}
STRANGE_LABELS = {
    "masked": np.ma.masked_array(PIDS, mask=[True, False, False]),
    "sparse of torch": torch.tensor([1, 0, 3]).to_sparse(),
    "meta": torch.empty(3, dtype=torch.int64, device="meta"),
    "objects": PIDS.astype(object),
    "beyond int64": BEYOND,
    "far beyond int64": [1, 2, 2**70],
    "floats": PIDS.astype(float),
    "truths": np.ones(3, dtype=bool),
}
FEATURE_TAKERS = {
    "rank, query": lambda odd: crosscam.rank(odd, EYE, PIDS, PIDS),
    "rank, gallery": lambda odd: crosscam.rank(EYE, odd, PIDS, PIDS),
    "rerank, query": lambda odd: crosscam.rerank(odd, EYE),
    "rerank, gallery": lambda odd: crosscam.rerank(EYE, odd),
    "nearest, query": lambda odd: nearest(odd, EYE, k=1),
    "nearest, gallery": lambda odd: nearest(EYE, odd, k=1),
    "expand": lambda odd: expand_queries(odd, EYE, count=1),
    "augment": lambda odd: augment_gallery(odd, count=1),
    "Embeddings": lambda odd: Embeddings(odd, PIDS, None),
}
LABEL_TAKERS = {
    "rank, query": lambda odd: crosscam.rank(EYE, EYE, odd, PIDS),
    "rank, gallery": lambda odd: crosscam.rank(EYE, EYE, PIDS, odd),
    "rank, cameras": lambda odd: crosscam.rank(EYE, EYE, PIDS, PIDS, odd, odd),
    "rank_distances, query": lambda odd: crosscam.rank_distances(1 - EYE, odd, PIDS),
    "rank_distances, gallery": lambda odd: crosscam.rank_distances(1 - EYE, PIDS, odd),
    "Embeddings, pids": lambda odd: Embeddings(EYE, odd, None),
    "Embeddings, camids": lambda odd: Embeddings(EYE, PIDS, odd),
}


@pytest.mark.parametrize("taker", FEATURE_TAKERS)
@pytest.mark.parametrize("kind", STRANGE_FEATURES)
def test_strange_features_are_refused_everywhere(taker, kind):
    with pytest.raises(InputError, match=r"is a |is no array|masked|device meta"):
        FEATURE_TAKERS[taker](STRANGE_FEATURES[kind])


@pytest.mark.parametrize("taker", LABEL_TAKERS)
@pytest.mark.parametrize("kind", STRANGE_LABELS)
def test_strange_labels_are_refused_everywhere(taker, kind):
    with pytest.raises(InputError, match=r"pids|camids"):
        LABEL_TAKERS[taker](STRANGE_LABELS[kind])


@pytest.mark.parametrize("kind", [kind for kind in STRANGE_FEATURES if kind != "masked rows"])
@pytest.mark.parametrize("in_blocks", [True, False])
def test_strange_distances_are_refused_whole_and_in_blocks(kind, in_blocks):
    odd = STRANGE_FEATURES[kind]
    with pytest.raises(InputError, match="distances"):
        crosscam.rank_distances(iter([odd]) if in_blocks else odd, PIDS, PIDS)


@pytest.mark.parametrize("kind", STRANGE_FEATURES)
def test_strange_distances_have_no_probability(kind):
    calibration = Calibration(
        kind="platt",
        slope=1,
        intercept=0,
        metric="cosine",
        made_by="0-0",
        data="it",
        pids=(1,),
        camids=None,
        images=1,
        genuine_pairs=1,
        impostor_pairs=1,
        log_likelihoods={},
        thresholds=(),
    )
    assert calibration.probability(0.0) == 0.5
    with pytest.raises(InputError, match="distances"):
        calibration.probability(STRANGE_FEATURES[kind])


def test_the_largest_ids_are_exact():
    top = 2**63 - 1
    ids = np.array([top, top - 1, top - 2], dtype=np.uint64)
    assert take_integers(ids, 3, "pids").tolist() == [top, top - 1, top - 2]
    assert crosscam.rank(EYE, EYE, ids, ids).at_rank(1) == 1
    assert Embeddings(EYE, ids, None).pids.tolist() == [top, top - 1, top - 2]
    with pytest.raises(InputError, match=r"pids hold 18446744073709551615, and ids go up to 9223"):
        crosscam.rank(EYE, EYE, BEYOND, PIDS)


def test_an_array_is_taken_as_it_lies():
    assert take_array(EYE, "it") is EYE
    assert Embeddings(EYE, PIDS, PIDS).features is EYE
    assert take_array([[1, 2]], "it").tolist() == [[1, 2]]
    grown = torch.ones(2, 2, requires_grad=True)
    assert not take_array(grown, "it").requires_grad


@pytest.mark.parametrize(
    "features",
    [
        EYE[::-1],
        EYE[:, ::-1],
        np.asfortranarray(EYE),
        EYE.astype(np.float64),
        torch.eye(3, dtype=torch.bfloat16, requires_grad=True),
        EYE.tolist(),
    ],
)
def test_embeddings_copy_what_torch_could_not_read(features):
    both = Embeddings(features, PIDS[::-1], torch.tensor([1, 2, 3]))
    assert isinstance(both.features, np.ndarray)
    assert both.features.dtype == np.float32
    assert both.features.flags.c_contiguous
    expected = np.asarray(features.detach().float() if torch.is_tensor(features) else features)
    np.testing.assert_array_equal(both.features, expected)
    assert both.pids.tolist() == [3, 2, 1]
    torch.from_numpy(both.features)


@pytest.mark.parametrize("features", [PIDS, EYE.astype(int), torch.ones(3, 3).int(), EYE[0]])
def test_what_are_no_features_are_refused(features):
    with pytest.raises(InputError, match="features must be"):
        Embeddings(features, PIDS, None)


@pytest.mark.slow
def test_values_that_hold_arrays_are_compared_by_identity():
    """The generated comparison of dataclasses raises where a field is an array."""
    embeddings = Embeddings(EYE, PIDS, None)
    assert embeddings == embeddings
    assert embeddings != Embeddings(EYE, PIDS, None)
    held = {"Float64s", "Int64s", "Float32s", "NDArray", "Tensor", "Bytes"}
    for room in ("types", "ranking", "decisions", "evaluation", "report", "checking"):
        for module in modules_of(f"crosscam.{room}"):
            for value in vars(module).values():
                if dataclasses.is_dataclass(value) and value.__module__ == module.__name__:
                    kinds = [str(field.type) for field in dataclasses.fields(value)]
                    kinds = [kind for kind in kinds if "Callable" not in kind]
                    if any(name in kind for kind in kinds for name in (*held, "ndarray")):
                        assert value.__eq__ is object.__eq__, value


def modules_of(name):
    module = importlib.import_module(name)
    yield module
    for found in pkgutil.iter_modules(getattr(module, "__path__", ())):
        yield importlib.import_module(f"{name}.{found.name}")
