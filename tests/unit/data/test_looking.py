"""Every image is opened once, whichever split it is in, and a broken one is named."""

import pytest
from tiny import write_market

from crosscam.data.looking import all_images, look_at_images
from crosscam.data.registry import load_dataset
from crosscam.errors import DataError


@pytest.fixture
def root(tmp_path):
    return write_market(tmp_path, people=3, by_hand=1)


def test_each_image_is_looked_at_once(root):
    dataset = load_dataset("market1501", root, multi_query=True)
    paths = [sample.path for sample in all_images(dataset)]
    assert len(set(paths)) == len(paths)
    splits = (dataset.train, dataset.query, dataset.gallery, dataset.multi_query)
    assert set(paths) == {sample.path for split in splits for sample in split}
    seen = []
    look_at_images(dataset, workers=0, on_batch=seen.append)
    assert sum(seen) == len(paths)


@pytest.mark.parametrize("folder", ["bounding_box_train", "query", "bounding_box_test", "gt_bbox"])
def test_half_a_file_is_named(root, folder):
    dataset = load_dataset("market1501", root, multi_query=True)
    splits = (dataset.train, dataset.query, dataset.gallery, dataset.multi_query)
    path = next(s.path for split in splits for s in split if s.path.parent.name == folder)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match=f"broken image .*{path.name}"):
        look_at_images(dataset, workers=0, on_batch=lambda count: None)
