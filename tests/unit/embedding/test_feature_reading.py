"""Reading files of features: ours and those of others, whole or in words why not."""

import io
import tracemalloc
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from feature_files import CAMIDS, PIDS, people, write_npz, write_parquet
from hypothesis import given, settings
from hypothesis import strategies as st

import crosscam
from crosscam.errors import DataError, ExtraError

FEATURES = people()
CARD = {
    "format": 1,
    "made_by": "0123456789abcdef-01234567",
    "metric": "cosine",
    "runtime": "onnx",
    "precision": "float32",
    "model": "lightres",
    "preprocess": {"height": 64},
    "versions": {"crosscam": "0"},
}


@pytest.mark.parametrize("kind", ["fixed", "list"])
@pytest.mark.parametrize("floats", [np.float16, np.float32, np.float64])
def test_parquet_of_any_floats_and_row_groups(tmp_path, kind, floats):
    paths = [f"a b/{row}.jpg" for row in range(len(PIDS))]
    given = FEATURES.astype(floats)
    columns = {"pid": PIDS, "camid": CAMIDS, "path": paths, "time": PIDS * 0.5}
    file = write_parquet(tmp_path / "x", given, card=CARD, row_group=7, kind=kind, **columns)
    found = crosscam.read_features(file)
    assert found.features.dtype == np.float32
    np.testing.assert_array_equal(found.features, given.astype(np.float32))
    np.testing.assert_array_equal(found.pids, PIDS)
    np.testing.assert_array_equal(found.camids, CAMIDS)
    assert found.paths == tuple(paths)
    assert (found.card.made_by, found.card.metric) == (CARD["made_by"], "cosine")
    assert (found.card.runtime, found.card.precision) == ("onnx", "float32")
    assert found.to_embeddings().made_by == CARD["made_by"]
    assert found.row(3) == "row 3 (a b/3.jpg)"


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("floats", ["<f2", "<f4", ">f8"])
def test_npz_of_any_floats_and_order(tmp_path, order, floats):
    given = np.asarray(FEATURES.astype(floats), order=order)
    arrays = {"pids": PIDS.astype(">i2"), "camids": CAMIDS.astype(np.uint8)}
    file = write_npz(tmp_path / "x.npz", given, card=CARD, paths=PIDS.astype(str), **arrays)
    found = crosscam.read_features(file)
    np.testing.assert_array_equal(found.features, given.astype(np.float32))
    np.testing.assert_array_equal(found.to_embeddings().pids, PIDS)
    np.testing.assert_array_equal(found.camids, CAMIDS)
    assert found.card.model == "lightres"
    assert found.paths == tuple(map(str, PIDS))


def test_what_others_write(tmp_path):
    """The other's spelling, tensors of a fixed shape, categories, whole floats, names in bytes."""
    tensors = pa.FixedShapeTensorArray.from_numpy_ndarray(FEATURES)
    names = pa.array([f"ann{pid}" for pid in PIDS]).dictionary_encode()
    cameras = pa.array(CAMIDS.astype(np.float64))
    pq.write_table(
        pa.table({"features": tensors, "pids": names, "camids": cameras}), tmp_path / "x"
    )
    found = crosscam.read_features(tmp_path / "x")
    np.testing.assert_array_equal(found.features, FEATURES)
    assert found.pids == tuple(f"ann{pid}" for pid in PIDS)
    assert found.camids.tolist() == CAMIDS.tolist()
    assert found.camids.dtype == np.int64
    assert (found.paths, found.card.metric) == (None, None)
    numbers = pa.array(PIDS).dictionary_encode()
    write_parquet(tmp_path / "y", FEATURES, pid=numbers, camid=pa.nulls(len(PIDS)))
    assert crosscam.read_features(tmp_path / "y").pids.tolist() == PIDS.tolist()
    np.savez_compressed(tmp_path / "z.npz", feature=FEATURES, pid=PIDS.astype("S"))
    assert crosscam.read_features(tmp_path / "z.npz").pids == tuple(map(str, PIDS))


def test_columns_without_a_value_are_not_there(tmp_path):
    nothing = pa.array([None] * len(PIDS), pa.int64())
    words = pa.array([None] * len(PIDS), pa.string())
    file = write_parquet(tmp_path / "x", FEATURES, row_group=5, pid=nothing, camid=words)
    found = crosscam.read_features(file)
    assert (found.pids, found.camids) == (None, None)
    with pytest.raises(DataError, match="does not say who is in its pictures"):
        found.to_embeddings()
    nan = np.full(len(PIDS), np.nan)
    assert crosscam.read_features(write_npz(tmp_path / "y.npz", FEATURES, pids=nan)).pids is None


@pytest.mark.parametrize("kind", [pa.int64(), pa.float64(), pa.string()])
def test_rows_without_a_pid_are_junk(tmp_path, kind):
    given = some([pid if kind != pa.string() else f"p{pid}" for pid in PIDS.tolist()], kind)
    file = write_parquet(tmp_path / "x", FEATURES, row_group=5, pid=given, camid=given)
    found = crosscam.read_features(file)
    junk = "-1" if kind == pa.string() else -1
    assert (found.pids[9], found.camids[9]) == (junk, junk)
    assert found.pids[8] == found.camids[8] == ("p3" if kind == pa.string() else 3)


def with_nan():
    broken = FEATURES.copy()
    broken[5, 3] = np.nan
    broken[7, 0] = np.inf
    return broken


def some(values, kind):
    return pa.array([None if row == 9 else value for row, value in enumerate(values)], kind)


@pytest.mark.parametrize(
    ("features", "columns", "words"),
    [
        (
            with_nan(),
            {"pid": PIDS},
            r"2 of 24 features are not finite, the first is that of row 5;",
        ),
        (with_nan(), {"path": PIDS.astype(str)}, r"row 5 \(2\)"),
        (np.full((2, 3), 1e300), {}, "2 of 2 features are not finite"),
        (FEATURES, {"camid": some(map(str, PIDS), pa.string())}, "row 9 has no camid"),
        (FEATURES, {"camid": some(PIDS, pa.int64()), "pid": PIDS}, "row 9 has no camid"),
        (FEATURES, {"pid": PIDS + 0.5}, r"the pid of row 0 is 1.5, no whole number"),
        (FEATURES, {"pid": PIDS + 1e16}, "no whole number of 15 digits at most"),
        (FEATURES, {"pid": [f"{pid}.0" for pid in PIDS]}, "'1.0' is a number with decimals"),
        (FEATURES, {"pid": PIDS.astype(np.uint64) + 2**63}, "ids go up to 9223372036854775807"),
        (FEATURES, {"pid": [pid == 1 for pid in PIDS]}, "each pid is an integer or a word"),
        (FEATURES, {"features": PIDS}, "has feature and features; leave one of the two out"),
        (FEATURES.astype(np.int32), {}, "must be lists of floating numbers, not fixed_size_list"),
        (FEATURES[:0], {}, r"has no features"),
    ],
)
def test_parquet_that_is_refused(tmp_path, features, columns, words):
    write_parquet(tmp_path / "x.parquet", features, **columns)
    with pytest.raises(DataError, match=words) as raised:
        crosscam.read_features(tmp_path / "x.parquet")
    assert "\n" not in str(raised.value)
    assert "x.parquet" in str(raised.value)


@pytest.mark.parametrize(
    ("lists", "words"),
    [
        ([[1.0, 2.0], [1.0]], r"feature of row 1 has 1 numbers, others have 2"),
        ([[1.0], None], "row 1 has no feature"),
        ([[1.0], [None]], "1 numbers are missing in the features of rows 0 to 1"),
        ([[], []], "has no features"),
    ],
)
def test_lists_that_are_no_features(tmp_path, lists, words):
    pq.write_table(pa.table({"feature": pa.array(lists, pa.list_(pa.float32()))}), tmp_path / "x")
    with pytest.raises(DataError, match=words):
        crosscam.read_features(tmp_path / "x")


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"features": FEATURES, "pids": PIDS.astype(object)}, "Python objects can run code"),
        ({"features": FEATURES.astype(object)}, "Python objects can run code"),
        ({"features": FEATURES, "pids": PIDS[:5]}, r"must be \(24,\), one for each feature"),
        ({"features": FEATURES[0]}, r"must be \(N, D\) floating numbers, not \(16,\) float32"),
        ({"features": PIDS[:, None]}, "floating numbers, not .* int64"),
        ({"features": FEATURES, "pids": PIDS > 1}, "an integer or a word, not bool"),
        ({"pids": PIDS}, "has neither feature nor features; it has 'pids'"),
        ({"features": FEATURES, "crosscam": np.array('{"format": 2}')}, "is of format 2"),
        ({"features": FEATURES, "crosscam": np.array("[")}, "what it says of itself is broken"),
        ({"features": FEATURES, "crosscam": np.zeros(2)}, "must be one text"),
    ],
)
def test_npz_that_is_refused(tmp_path, arrays, words):
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(DataError, match=words):
        crosscam.read_features(tmp_path / "x.npz")


def npz_with(tmp_path, content, *, packed=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(tmp_path / "x.npz", "w", packed) as archive:
        archive.writestr("features.npy", content)
    return tmp_path / "x.npz"


def npy_header(shape):
    stream = io.BytesIO()
    header = {"descr": "<f4", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, header)
    return stream.getvalue()


def test_an_array_that_claims_more_than_it_has(tmp_path):
    file = npz_with(tmp_path, npy_header((10**9, 10**4)) + b"\0" * 100)
    with pytest.raises(DataError, match=r"40000000000000 bytes, but has 100"):
        crosscam.read_features(file)


def test_a_small_file_that_would_fill_the_memory(tmp_path):
    zeros = b"\0" * (1 << 20)
    with zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("features.npy", "w", force_zip64=True) as member:
            member.write(npy_header((1 << 10, 1 << 18)) + zeros)
        entry = archive.filelist[0]
        entry.file_size = 1 << 32  # as the file says, whatever is in it
    tracemalloc.start()
    with pytest.raises(DataError, match="bytes of memory, which no features do"):
        crosscam.read_features(tmp_path / "x.npz")
    assert tracemalloc.get_traced_memory()[1] < 1 << 22
    tracemalloc.stop()


def test_few_bytes_of_many_rows(tmp_path):
    kind = pa.list_(pa.float32(), 4096)
    lists = pa.FixedSizeListArray.from_arrays(pa.array(np.zeros(4096 * 64, np.float32)), type=kind)
    with pq.ParquetWriter(tmp_path / "x", pa.schema({"feature": kind})) as writer:
        for _ in range(32):
            writer.write_table(pa.table({"feature": lists}))
    content = (tmp_path / "x").read_bytes()
    assert len(crosscam.read_features(tmp_path / "x").features) == 2048
    assert len(content) < 1 << 17


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PK", b"PK\x03\x04" + b"x" * 99, b"PAR1" * 9])
def test_files_that_are_none(tmp_path, content):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(DataError, match=r"neither|no sound"):
        crosscam.read_features(tmp_path / "x")


def test_places_that_are_no_files(tmp_path):
    for place, words in ((tmp_path / "no", "No such file"), (tmp_path, "it is a folder")):
        with pytest.raises(DataError, match=words):
            crosscam.read_features(place)


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sound")
    columns = {"pid": [f"p{pid}" for pid in PIDS], "camid": CAMIDS}
    write_parquet(folder / "a", FEATURES, card=CARD, row_group=9, **columns)
    write_npz(folder / "b.npz", FEATURES, card=CARD, pids=PIDS)
    return {name: (folder / name).read_bytes() for name in ("a", "b.npz")}


@settings(max_examples=100)
@given(data=st.data())
def test_damaged_files_are_read_or_refused(tmp_path_factory, sound, data):
    """Whatever bytes are changed or cut: there are features, or one line that says why not."""
    content = bytearray(sound[data.draw(st.sampled_from(sorted(sound)))])
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(4, len(content) - 1))] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(4, len(content) - 1)) :]
    file = tmp_path_factory.getbasetemp() / "damaged"
    file.write_bytes(content)
    refusal = ""
    try:
        assert np.isfinite(crosscam.read_features(file).features).all()
    except DataError as error:
        refusal = str(error)
    assert "\n" not in refusal


def test_no_pyarrow_is_named_with_its_extra(tmp_path, monkeypatch):
    write_parquet(tmp_path / "x", FEATURES)
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(
        ExtraError, match=r"reading Parquet files needs pyarrow.*crosscam\[parquet\]"
    ):
        crosscam.read_features(tmp_path / "x")
