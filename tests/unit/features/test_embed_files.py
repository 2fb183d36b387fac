"""Pictures on disk to a file of features: what is in it, what is refused, and going on."""

import io
import json
import os
import shutil
from pathlib import Path

import fsspec
import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from features import die_at, on_torch, save_tiny, write_crops
from PIL import Image
from tiny import write_image

import crosscam
from crosscam.errors import DataError, InputError, RunError
from crosscam.features import embed_files as module
from crosscam.features.embed_files import HowToEmbed, embed_files
from crosscam.features.work import Listeners, ModelSource

PATTERN = "{pid}_c{camid}_{time}.jpg"
COUNT, SHARD = 21, 8


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A tiny saved model; read only."""
    return on_torch(save_tiny(tmp_path_factory.mktemp("features") / "model"))


@pytest.fixture(scope="module")
def crops(tmp_path_factory):
    """Noise pictures; read only."""
    return write_crops(tmp_path_factory.mktemp("features") / "crops", COUNT)


@pytest.fixture(autouse=True)
def _small_shards(monkeypatch):
    monkeypatch.setattr(module, "SHARD_SIZE", SHARD)


@pytest.fixture(scope="module")
def whole(tmp_path_factory, crops, model):
    """The bytes of the file of all crops, made without a break."""
    file = tmp_path_factory.mktemp("features") / "whole.parquet"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "SHARD_SIZE", SHARD)
        embed_files(crops, model, file, pattern=PATTERN)
    return file.read_bytes()


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def features_of(table):
    return np.stack(table["feature"].to_numpy())


def test_a_file_has_paths_labels_and_the_features_of_embed(crops, model, tmp_path):
    file = tmp_path / "features.parquet"
    done = embed_files([crops], model, file, pattern=PATTERN)
    table = pq.read_table(file)
    paths = sorted(crops.iterdir())
    assert table.column_names == ["path", "pid", "camid", "time", "feature"]
    assert table["path"].to_pylist() == [str(path) for path in paths]
    assert table["pid"].to_pylist() == [number // 2 for number in range(COUNT)]
    assert table["camid"].to_pylist() == [number % 2 for number in range(COUNT)]
    assert table["time"].to_pylist() == list(range(COUNT))
    embedder = crosscam.load_embedder(model.name, runtime="torch")
    np.testing.assert_allclose(features_of(table), embedder.embed(paths), rtol=1e-4, atol=1e-6)
    assert (done.count, done.left_out, done.resumed) == (COUNT, (), 0)
    groups = pq.ParquetFile(file).metadata
    assert [groups.row_group(i).num_rows for i in range(groups.num_row_groups)] == [8, 8, 5]
    assert names_in(tmp_path) == ["features.parquet"]


def test_a_file_says_what_made_it(crops, model, tmp_path):
    file = tmp_path / "features.parquet"
    embed_files(crops, model, file, flip=True)
    table = pq.read_table(file)
    made = json.loads(table.schema.metadata[b"crosscam"])
    embedder = crosscam.load_embedder(model.name, runtime="torch")
    assert made["made_by"] == f"{embedder.made_by}-flip"
    assert (made["format"], made["metric"]) == (1, "cosine")
    assert (made["runtime"], made["precision"]) == ("torch", "float32")
    assert made["preprocess"]["height"] == 64
    assert made["versions"]["torch"] == torch.__version__
    assert table.column_names == ["path", "feature"]


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_npz_and_parquet_hold_the_same(crops, model, tmp_path, dtype):
    for name in ("f.parquet", "f.npz"):
        embed_files(crops, model, tmp_path / name, pattern="{pid}_c{camid}_*.jpg", dtype=dtype)
    table = pq.read_table(tmp_path / "f.parquet")
    arrays = np.load(tmp_path / "f.npz")
    assert set(arrays.files) == {"features", "paths", "pids", "camids", "crosscam"}
    assert arrays["features"].dtype == dtype
    np.testing.assert_array_equal(arrays["features"], features_of(table))
    assert arrays["paths"].tolist() == table["path"].to_pylist()
    assert arrays["pids"].tolist() == table["pid"].to_pylist()
    assert str(arrays["crosscam"]) == table.schema.metadata[b"crosscam"].decode()


def test_what_a_pattern_does_not_match_has_no_labels(crops, model, tmp_path):
    odd = shutil.copytree(crops, tmp_path / "odd")
    write_image(odd / "someone.jpg")
    file = tmp_path / "f.parquet"
    done = embed_files(odd, model, file, pattern=PATTERN)
    table = pq.read_table(file)
    assert table["pid"].to_pylist()[-1] is None
    assert (table["pid"].null_count, done.manifest.pictures.unlabelled) == (1, 1)
    embed_files(odd, model, tmp_path / "f.npz", pattern=PATTERN)
    assert np.load(tmp_path / "f.npz")["pids"][-1] == -1
    with pytest.raises(DataError, match="none of the 22 pictures matches"):
        embed_files(odd, model, tmp_path / "g.parquet", pattern="{pid}-*.jpg")
    assert names_in(tmp_path) == ["f.npz", "f.parquet", "odd"]


def test_tables_files_and_folders_in_one_call(crops, model, tmp_path):
    names = sorted(path.name for path in crops.iterdir())[:3]
    table = crops.parent / "who.csv"
    lines = [f"crops/{name},Ann,{number},2024-0{number}-01" for number, name in enumerate(names, 1)]
    table.write_text("\n".join(["path,pid,camid,time", *reversed(lines)]), encoding="utf-16")
    file = tmp_path / "f.parquet"
    embed_files([table, crops / names[0]], model, file)
    found = pq.read_table(file)
    assert found["path"].to_pylist() == [f"crops/{name}" for name in reversed(names)] + [
        str(crops / names[0])
    ]
    assert found["pid"].to_pylist() == ["Ann"] * 3 + [None]
    assert found["camid"].to_pylist() == [3, 2, 1, None]
    assert found["time"].to_pylist() == ["2024-03-01", "2024-02-01", "2024-01-01", None]
    embed_files([table, crops / names[0]], model, tmp_path / "f.npz")
    assert np.load(tmp_path / "f.npz")["pids"].tolist() == ["Ann"] * 3 + ["-1"]


def test_names_of_any_script_and_of_255_bytes(model, tmp_path):
    names = [
        "ж" * 125 + ".jpg",
        "人_c1.jpg",
        "a b'\".jpg",
        "e\u0301\u202e.png",
        "😀.jpg",
        "İ" + ".JPG",
    ]
    for number, name in enumerate(names):
        write_image(tmp_path / "in" / name, number)
    embed_files(tmp_path / "in", model, tmp_path / "f.npz")
    paths = np.load(tmp_path / "f.npz")["paths"].tolist()
    assert paths == sorted(str(tmp_path / "in" / name) for name in names)


def test_pictures_of_every_kind(model, tmp_path):
    pixels = np.arange(32 * 16, dtype=np.uint16).reshape(32, 16) * 64
    folder = tmp_path / "in"
    folder.mkdir()
    image = Image.fromarray((pixels // 256).astype(np.uint8))
    image.convert("CMYK").save(folder / "cmyk.jpg")
    Image.fromarray(pixels).save(folder / "deep.png")
    image.save(folder / "moving.gif", save_all=True, append_images=[image.rotate(90)])
    turned = Image.Exif()
    turned[0x0112] = 6
    image.save(folder / "turned.jpg", exif=turned)
    done = embed_files(folder, model, tmp_path / "f.parquet")
    assert done.count == 4
    found = features_of(pq.read_table(tmp_path / "f.parquet"))
    wanted = crosscam.load_embedder(model.name, runtime="torch").embed(sorted(folder.iterdir()))
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6)


def write_broken(folder, crops):
    shutil.copytree(crops, folder)
    last = max(folder.iterdir())
    last.write_bytes(last.read_bytes()[:300])
    (folder / "9000_c1_9.jpg").write_bytes(b"no picture")
    write_image(folder / "9001_c1_9.jpg", size=(1, 1))
    Image.new("1", (20_000, 20_000)).save(folder / "9002_c1_9.png")
    return last


@pytest.mark.parametrize("workers", [0, 2])
def test_a_broken_picture_is_named_and_left_out_where_asked(crops, model, tmp_path, workers):
    last = write_broken(tmp_path / "in", crops)
    out = tmp_path / "f.parquet"
    how = HowToEmbed(batch_size=3, workers=workers)
    with pytest.raises(DataError) as stopped:
        embed_files(tmp_path / "in", model, out, pattern=PATTERN, how=how)
    assert last.name in str(stopped.value)
    assert "--skip-broken" in str(stopped.value)
    assert "16 pictures that are done" in str(stopped.value)
    skipping = HowToEmbed(batch_size=3, workers=workers, skip_broken=True)
    notes = []
    listeners = Listeners(on_note=notes.append)
    done = embed_files(
        tmp_path / "in",
        model,
        out,
        pattern="{pid}_c{camid}_{time}.jpg",
        how=skipping,
        listeners=listeners,
    )
    assert notes == ["going on: 16 of 24 pictures are done"]
    assert (done.resumed, done.count, len(done.left_out)) == (16, 20, 4)
    assert [Path(each.path).name for each in done.left_out] == [
        last.name, "9000_c1_9.jpg", "9001_c1_9.jpg", "9002_c1_9.png",
    ]  # fmt: skip
    assert "million pixels" in done.left_out[-1].why
    assert len(pq.read_table(out)) == 20
    with pytest.raises(DataError, match="none of the 1 pictures can be read"):
        embed_files(tmp_path / "in" / "9000_c1_9.jpg", model, tmp_path / "g.npz", how=skipping)


def stop_in_the_middle(pictures, model, out, **options):
    """Begin, and be stopped once the first shard is done."""
    seen = []

    def on_images(_what, _total):
        def count(number):
            seen.append(number)
            if sum(seen) >= SHARD:
                raise KeyboardInterrupt

        return count

    with pytest.raises(KeyboardInterrupt):
        embed_files(pictures, model, out, listeners=Listeners(on_images), **options)


def test_stopped_work_goes_on_to_the_same_bytes(crops, model, tmp_path, whole):
    out = tmp_path / "f.parquet"
    stop_in_the_middle(crops, model, out, pattern=PATTERN)
    assert not out.exists()
    done = embed_files(crops, model, out, pattern=PATTERN)
    assert (done.resumed, done.count) == (8, COUNT)
    assert out.read_bytes() == whole


def test_other_work_is_not_gone_on_with(crops, model, tmp_path):
    out = tmp_path / "f.npz"
    stop_in_the_middle(crops, model, out)
    other = on_torch(save_tiny(tmp_path / "other", seed=2))
    for options, words in (
        ({"model": other}, "the model was .*model, now .*other with other weights"),
        ({"dtype": "float16"}, "dtype was float32, now float16"),
        ({"flip": True}, "flip was False, now True"),
    ):
        with pytest.raises(RunError, match=words):
            embed_files(crops, out=out, **{"model": model, **options})
    with pytest.raises(RunError, match="begun with other pictures: 21 then, 21 now"):
        embed_files(crops, model, out, pattern=PATTERN)
    with pytest.raises(RunError, match="begun with other pictures: 21 then, 1 now"):
        embed_files(next(crops.iterdir()), model, out)
    done = embed_files(crops, other, out, force=True)
    assert done.resumed == 0


def test_a_file_is_replaced_only_by_force(crops, model, tmp_path):
    out = tmp_path / "f.parquet"
    out.write_text("mine")
    with pytest.raises(RunError, match="is there already; .* with --force"):
        embed_files(crops, model, out)
    assert out.read_text() == "mine"
    stop_in_the_middle(crops, model, out, force=True)
    assert out.read_text() == "mine"
    done = embed_files(crops, model, out)  # which goes on with what was begun by force
    assert done.resumed == 8
    assert len(pq.read_table(out)) == COUNT


@pytest.mark.parametrize(
    ("pictures", "out", "error", "words"),
    [
        ("crops", "f.csv", InputError, "features.parquet or features.npz"),
        ("crops", "nowhere/f.npz", RunError, "there is no folder"),
        ("crops", ".", InputError, "features.parquet"),
        ("nothing", "f.npz", DataError, "there is no picture, folder or table"),
        ("empty", "f.npz", DataError, "no images below"),
        ("loop", "f.npz", DataError, "leads back to a folder above it"),
        ("none.csv", "f.npz", DataError, "no column path"),
        ("gone.csv", "f.npz", DataError, "line 2: no such image: gone.jpg"),
        ("closed", "f.npz", DataError, "cannot read the folder"),
    ],
)
def test_what_cannot_be_done_leaves_nothing(crops, model, tmp_path, pictures, out, error, words):
    if pictures == "closed" and os.geteuid() == 0:
        pytest.skip("root may read everything")
    given = tmp_path / "given"
    shutil.copytree(crops, given / "crops")
    for name in ("empty", "loop", "closed", "out"):
        (given / name).mkdir()
    (given / "loop" / "up").symlink_to(given / "loop")
    (given / "closed").chmod(0)
    (given / "none.csv").write_text("name,pid\nx,1\n")
    (given / "gone.csv").write_text("path\ngone.jpg\n")
    with pytest.raises(error, match=words):
        embed_files(given / pictures, model, given / "out" / out)
    assert names_in(given / "out") == []


def test_a_second_process_is_refused(crops, model, tmp_path):
    out = tmp_path / "f.npz"

    def on_images(_what, _total):
        with pytest.raises(RunError, match="another process is making"):
            embed_files(crops, model, out)
        return lambda _count: None

    embed_files(crops, model, out, listeners=Listeners(on_images))


def test_a_full_disk_keeps_what_is_done(crops, model, tmp_path, monkeypatch, whole):
    out = tmp_path / "f.parquet"
    calls = []

    def fsync(file):
        calls.append(file)
        if len(calls) == 4:  # the list, the manifest, one shard
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space left"):
        patch.setattr(os, "fsync", fsync)
        embed_files(crops, model, out, pattern=PATTERN)
    parts = tmp_path / ".f.parquet.parts"
    assert not [name for name in names_in(parts) if name.endswith("tmp")]
    assert embed_files(crops, model, out, pattern=PATTERN).resumed == 8
    assert out.read_bytes() == whole


MOMENTS = [
    *[("fsync", number) for number in (1, 2, 3, 4, 6)],
    *[("half", number) for number in (1, 4, 6)],
    *[("replace", number) for number in (1, 3, 6)],
    *[("after-replace", number) for number in (1, 2, 5, 6)],
    *[("unlink", number) for number in (7, 8, 10)],
]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize(("kind", "number"), MOMENTS)
def test_a_kill_at_any_moment_leaves_work_that_is_gone_on_with(
    crops, model, tmp_path, whole, kind, number
):
    out = tmp_path / "f.parquet"

    def work():
        embed_files(crops, model, out, pattern=PATTERN)

    assert die_at(kind, number, work)
    if out.exists():
        assert out.read_bytes() == whole
    if not out.exists() or (tmp_path / ".f.parquet.parts" / "manifest.json").exists():
        work()
    assert out.read_bytes() == whole
    assert not list(tmp_path.glob("*tmp"))


def test_addresses_are_read_and_written(crops, model, tmp_path, whole):
    store = fsspec.filesystem("memory")
    store.put(str(crops), "/bucket/crops", recursive=True)
    inside, out = "memory://bucket/crops", "memory://bucket/f.parquet"
    stop_in_the_middle(inside, model, out, pattern=PATTERN)
    assert store.exists("/bucket/.f.parquet.parts/manifest.json")
    done = embed_files(inside, model, out, pattern=PATTERN)
    assert (done.resumed, done.count) == (8, COUNT)
    with store.open("/bucket/f.parquet", "rb") as file:
        table = pq.read_table(file)
    alike = pq.read_table(io.BytesIO(whole))
    np.testing.assert_array_equal(features_of(table), features_of(alike))
    assert table["path"].to_pylist()[0] == "memory://bucket/crops/0000_c0_000000.jpg"
    assert [path.rpartition("/")[2] for path in store.ls("/bucket", detail=False)] == [
        "crops",
        "f.parquet",
    ]
    with store.open("/bucket/who.csv", "w") as file:
        file.write("path,pid\ncrops/0000_c0_000000.jpg,7\ncrops/gone.jpg,8\n")
    how = HowToEmbed(skip_broken=True)
    done = embed_files("memory://bucket/who.csv", model, f"file://{tmp_path}/g.npz", how=how)
    assert [each.path for each in done.left_out] == ["crops/gone.jpg"]
    assert np.load(tmp_path / "g.npz")["pids"].tolist() == [7]
    with pytest.raises(DataError, match="there is no picture, folder or table"):
        embed_files("memory://bucket/none", model, tmp_path / "h.npz")
    with pytest.raises(crosscam.CrosscamError, match="cannot be reached"):
        embed_files("nosuch://bucket", model, tmp_path / "h.npz")
    store.rm("/bucket", recursive=True)


def test_options_that_cannot_be_are_refused(crops, model, tmp_path):
    for options in ({"batch_size": 0}, {"workers": -1}, {"engine": "dask"}, {"actors": 0}):
        with pytest.raises(InputError):
            HowToEmbed(**options)
    with pytest.raises(InputError, match="dtype"):
        embed_files(crops, model, tmp_path / "f.npz", dtype="int8")


def test_going_on_with_other_versions_is_said(crops, model, tmp_path):
    out = tmp_path / "f.npz"
    stop_in_the_middle(crops, model, out)
    manifest = tmp_path / ".f.npz.parts" / "manifest.json"
    manifest.write_text(manifest.read_text().replace(f'"{np.__version__}"', '"0.1"'))
    notes = []
    embed_files(crops, model, out, listeners=Listeners(on_note=notes.append))
    assert notes[0].startswith(f"it was begun with numpy 0.1, now {np.__version__}")
    stop_in_the_middle(crops, model, out, force=True)
    manifest.write_text("{}")
    with pytest.raises(RunError, match="cannot be gone on with .* --force begins anew"):
        embed_files(crops, model, out)


def test_a_broken_shard_is_named(crops, model, tmp_path):
    out = tmp_path / "f.npz"
    stop_in_the_middle(crops, model, out)
    (tmp_path / ".f.npz.parts" / "shard-0000000.parquet").write_bytes(b"broken")
    with pytest.raises(RunError, match="shard-0000000.parquet is broken .* remove it"):
        embed_files(crops, model, out)


@pytest.mark.slow
def test_a_file_goes_on_with_the_runtime_it_was_begun_with(crops, model, tmp_path):
    out = tmp_path / "f.npz"
    stop_in_the_middle(crops, ModelSource(model.name, runtime="onnx"), out)
    with pytest.raises(RunError, match="runtime was onnx, now torch"):
        embed_files(crops, model, out)
    reduced = ModelSource(model.name, runtime="torch", precision="bf16")
    with pytest.raises(RunError, match="precision was float32, now bf16"):
        embed_files(crops, reduced, out)
    done = embed_files(crops, model.name, out)
    assert (done.resumed, done.manifest.making.runtime) == (8, "onnx")
    found = np.load(out)
    assert json.loads(str(found["crosscam"]))["runtime"] == "onnx"
    wanted = crosscam.load_embedder(model.name, runtime="torch").embed(sorted(crops.iterdir()))
    np.testing.assert_allclose(found["features"], wanted, rtol=1e-3, atol=1e-5)
