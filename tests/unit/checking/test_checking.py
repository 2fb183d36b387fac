"""Checking a data set: each fault is found, nothing else is, and nothing is changed."""

import os

import numpy as np
import pytest
from faulty import GALLERY, QUERY, TRAIN, smooth_noise, write_faulty
from PIL import Image
from tiny import write_image, write_market

import crosscam
from crosscam.checking import check as check_module
from crosscam.checking.check import check_dataset
from crosscam.checking.faults import KINDS
from crosscam.checking.leaving_out import choose_left_out
from crosscam.checking.page import write_page
from crosscam.screen import printable
from crosscam.types import ReIDDataset, Sample


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    """The tree with every fault, what is expected of it, and its check."""
    root = tmp_path_factory.mktemp("faulty")
    expected = write_faulty(root)
    return root, expected, check_dataset(crosscam.load_dataset("market1501", root))


def names(findings):
    return [sorted(image.sample.path.name for image in finding.images) for finding in findings]


def test_every_fault_is_found_and_nothing_else(faulty):
    _, expected, checkup = faulty
    found = {kind: names(findings) for kind, findings in checkup.by_kind().items()}
    assert len(found.pop("note")) == 5
    shared = checkup.by_kind()["shared-identity"]
    assert [finding.words for finding in shared] == [
        "person 1: train, query",
        "person 3: train, gallery",
    ]
    del found["shared-identity"]
    assert found == expected


def test_every_kind_is_made_by_these_tests(faulty):
    only_without_cameras = {"query-copy"}
    made = [kind for kind in KINDS if kind not in only_without_cameras]
    assert list(faulty[2].by_kind()) == made


def test_faults_are_counted_and_come_first(faulty):
    checkup = faulty[2]
    weights = [finding.is_fault for finding in checkup.findings]
    assert weights == sorted(weights, reverse=True)
    assert checkup.num_faults == 7
    assert checkup.num_images == 58
    assert checkup.counts["train"]._asdict() == {"identities": 7, "images": 29, "cameras": 3}


def test_why_an_image_cannot_be_opened_is_said_in_few_words(faulty):
    [corrupt] = faulty[2].by_kind()["corrupt"]
    assert "truncated" in corrupt.words.lower()
    assert "restore" not in corrupt.words
    assert "/" not in corrupt.words


def test_the_result_is_the_same_for_two_jobs(faulty):
    root, _, checkup = faulty
    seen = []
    again = check_dataset(crosscam.load_dataset("market1501", root), jobs=2, on_images=seen.append)
    assert again == checkup
    assert sum(seen) == checkup.num_images


def test_images_are_not_touched(tmp_path):
    write_faulty(tmp_path)
    before = state(tmp_path)
    for file in tmp_path.rglob("*.*"):
        file.chmod(0o444)
    check_dataset(crosscam.load_dataset("market1501", tmp_path), jobs=2)
    assert state(tmp_path) == before


def state(root):
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in root.rglob("*.*")}


@pytest.mark.slow
def test_the_independent_archive_and_the_built_in_people_have_no_faults(market_fixture):
    archive = check_dataset(crosscam.load_dataset("market1501", market_fixture))
    assert list(archive.by_kind()) == ["note"]
    assert archive.published.train_images == 12_936
    people = check_dataset(crosscam.load_dataset("people"))
    assert people.findings == ()


def test_what_is_left_out_of_images_with_the_same_bytes(faulty):
    root, expected, checkup = faulty
    left_out = choose_left_out(checkup.findings)
    inside = {str(path.relative_to(root)) for path in left_out}
    [first, second] = expected["two-labels"][0]
    assert inside == {
        f"{TRAIN}/{expected['corrupt'][0][0]}",
        f"{GALLERY}/{expected['empty'][0][0]}",
        f"{GALLERY}/{expected['huge'][0][0]}",
        f"{TRAIN}/{first}",
        f"{TRAIN}/{second}",
        f"{TRAIN}/{expected['train-and-test'][0][0]}",
        f"{GALLERY}/0008_c1s1_000902_00.jpg",
    }
    assert left_out[root / GALLERY / expected["empty"][0][0]] == "empty file (0 bytes): 0 bytes"


def test_one_file_in_train_and_test_is_left_out_whole(tmp_path):
    image = Sample(write_image(tmp_path / "a.jpg"), 1, 1)
    other = Sample(write_image(tmp_path / "b.jpg", 2), 1, 2)
    checkup = check_dataset(ReIDDataset("own", (image,), (image,), (other,)))
    assert names(checkup.by_kind()["train-and-test"]) == [["a.jpg"]]
    assert list(choose_left_out(checkup.findings)) == [image.path]


def test_one_file_under_two_people_is_a_fault(tmp_path):
    path = write_image(tmp_path / "a.jpg")
    samples = (Sample(path, 1, 1), Sample(path, 2, 1))
    checkup = check_dataset(ReIDDataset("own", samples, (), ()))
    assert checkup.findings[0].kind == "two-labels"
    assert list(choose_left_out(checkup.findings)) == [path]


def test_a_test_set_that_is_query_and_gallery_at_once_is_no_fault(tmp_path):
    samples = tuple(
        Sample(write_image(tmp_path / f"{pid}{camid}.jpg", 10 * pid + camid), pid, camid)
        for pid in (1, 2)
        for camid in (1, 2)
    )
    assert check_dataset(ReIDDataset("own", (), samples, samples)).findings == ()


def test_without_cameras_a_query_needs_another_image(tmp_path):
    one = Sample(write_image(tmp_path / "a.jpg", 1), 1, None)
    two = Sample(write_image(tmp_path / "b.jpg", 2), 1, None)
    alone = Sample(write_image(tmp_path / "c.jpg", 3), 2, None)
    dataset = ReIDDataset("own", (), (one, alone), (one, two, alone))
    checkup = check_dataset(dataset)
    assert names(checkup.findings) == [["c.jpg"]]
    assert checkup.findings[0].kind == "unmatched"
    assert checkup.counts["query"].cameras is None


def test_people_numbered_apart_are_not_shared(faulty, monkeypatch):
    root, expected, _ = faulty
    reader = check_module.READERS["market1501"]
    apart = type(reader.about)(**{**vars(reader.about), "numbers_train_and_test_apart": True})
    monkeypatch.setattr(check_module, "READERS", {"market1501": type(reader)(reader.load, apart)})
    found = check_dataset(crosscam.load_dataset("market1501", root)).by_kind()
    assert "shared-identity" not in found
    assert names(found["train-and-test"]) == expected["train-and-test"]
    assert names(found["two-labels"]) == expected["two-labels"]


@pytest.mark.parametrize("shade", [0, 128])
def test_plain_pictures_are_not_called_nearly_the_same(tmp_path, shade):
    samples = []
    for number in range(4):
        rng = np.random.default_rng(number)
        wall = rng.integers(shade, shade + 3, (128, 64, 3), dtype=np.uint8)
        path = tmp_path / f"{number}.png"
        Image.fromarray(wall).save(path)
        samples.append(Sample(path, 1, number % 2))
    assert check_dataset(ReIDDataset("own", tuple(samples), (), ())).findings == ()


def test_a_query_that_finds_itself_is_a_fault_where_cameras_are_not_known(tmp_path):
    one = write_image(tmp_path / "q.jpg")
    other = write_image(tmp_path / "g.jpg")
    for camid, kind in ((None, "query-copy"), (1, "identical")):
        query, gallery = Sample(one, 1, camid), Sample(other, 1, camid)
        findings = check_dataset(ReIDDataset("own", (), (query,), (gallery,))).by_kind()
        assert kind in findings
        assert findings[kind][0].is_fault == (camid is None)
        assert list(choose_left_out(findings[kind])) == [other]


def test_pipes_programs_and_specks_are_found_and_stop_nothing(tmp_path):
    root = write_market(tmp_path)
    os.mkfifo(root / QUERY / "0007_c1s1_000997_00.jpg")
    (root / QUERY / "0007_c1s1_000998_00.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n")
    Image.new("RGB", (1, 9)).save(root / QUERY / "0007_c1s1_000999_00.png")
    found = check_dataset(crosscam.load_dataset("market1501", root)).by_kind()["corrupt"]
    words = [finding.words for finding in found]
    assert words[0] == "it is a pipe, not a plain file"
    assert words[1].startswith("it is in none of JPEG, PNG")
    assert words[2].startswith("it is 1 x 9 pixels; each side must have 2")


def test_what_is_no_file_or_is_gone_stops_nothing(tmp_path):
    root = write_market(tmp_path)
    (root / QUERY / "0007_c1s1_000999_00.jpg").mkdir()
    dataset = crosscam.load_dataset("market1501", root)
    dataset.gallery[0].path.unlink()
    checkup = check_dataset(dataset)
    words = [finding.words for finding in checkup.by_kind()["corrupt"]]
    assert words[0] == "it is a folder, not a file"
    assert "No such file" in words[1]


def test_whatever_a_decoder_raises_stops_nothing(tmp_path, monkeypatch):
    def raising(path):
        raise RecursionError("too deep")

    monkeypatch.setattr("crosscam.checking.scan.read_image", raising)
    sample = Sample(write_image(tmp_path / "a.jpg"), 1, 1)
    [finding, _] = check_dataset(ReIDDataset("own", (sample,), (), ())).findings
    assert (finding.kind, finding.words) == ("corrupt", "RecursionError: too deep")


def test_the_page_is_one_file_with_a_bounded_number_of_pictures(tmp_path):
    path = tmp_path / "<b>&人.jpg"
    smooth_noise(0).save(path)
    broken = tmp_path / "<i>.jpg"
    broken.write_bytes(b"no picture")
    many = tuple(Sample(path, pid, 1) for pid in range(400))
    checkup = check_dataset(ReIDDataset("own", (*many, Sample(broken, 0, 1)), (), ()))
    page = tmp_path / "page.html"
    write_page(page, checkup, version="1")
    text = page.read_text(encoding="utf-8")
    assert "&lt;b&gt;&amp;人.jpg" in text
    assert "<b>&" not in text
    assert "no picture" in text
    assert "394 more" in text
    assert 6 < text.count("<img") <= 6 + 12
    assert 'src="http' not in text
    assert "388 more of these are not shown" in text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("人 [red]é.jpg", "人 [red]é.jpg"),
        ("a\nb\x1b[31m", "a\\nb\\x1b[31m"),
        ("\udcff\u202e", "\\udcff\\u202e"),
    ],
)
def test_names_are_shown_on_one_harmless_line(text, shown):
    assert printable(text) == shown
