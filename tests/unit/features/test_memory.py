"""Memory does not grow with the number of pictures."""

import tracemalloc

import pytest
from features import on_torch, save_tiny, write_crops

from crosscam.features import embed_files as module
from crosscam.features.addresses import open_folder
from crosscam.features.embed_files import embed_files
from crosscam.features.listing import Listed
from crosscam.features.manifest import PictureList, write_list


def peak_of(work):
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_list_of_many_pictures_is_never_held(tmp_path):
    folder = open_folder(str(tmp_path))

    def write(count):
        pictures = (Listed(f"{i:09}.jpg", f"/{i:09}.jpg", i, str(i)) for i in range(count))
        facts = write_list(folder, pictures, shard_size=500)
        assert (facts.count, facts.pid) == (count, "int64")

    write(1000)
    few, many = peak_of(lambda: write(2000)), peak_of(lambda: write(20_000))
    assert many < 1.2 * few
    with PictureList(folder) as pictures:
        assert [picture.size for picture in pictures.pictures(39)] == list(range(19_500, 20_000))


@pytest.mark.slow
def test_features_of_many_pictures_are_never_held(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "SHARD_SIZE", 64)
    model = on_torch(save_tiny(tmp_path / "model"))
    crops = write_crops(tmp_path / "crops", 1000, size=(8, 16))
    few = [path for number, path in enumerate(sorted(crops.iterdir())) if number < 200]
    embed_files(few, model, tmp_path / "first.npz")
    small = peak_of(lambda: embed_files(few, model, tmp_path / "few.npz"))
    large = peak_of(lambda: embed_files(crops, model, tmp_path / "many.npz"))
    assert large < 1.25 * small
