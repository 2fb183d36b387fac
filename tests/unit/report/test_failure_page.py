"""The failure browser as files: what it says, and that it asks nobody for anything."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from failing import GALLERY, HOSTILE, QUERIES, make_test, same, write_page
from PIL import Image

from crosscam.errors import DataError, InputError
from crosscam.report.failure_data import MOST_MATCHES
from crosscam.report.failures import KINDS
from crosscam.report.thumbnails import thumbnail_name
from crosscam.settings.evaluation import EvaluationSettings


@pytest.fixture(scope="module")
def test(tmp_path_factory):
    return make_test(tmp_path_factory.mktemp("noise"))


@pytest.fixture(scope="module")
def written(test, tmp_path_factory):
    return write_page(tmp_path_factory.mktemp("page") / "failures", test, probability=same)


def read_data(page):
    text = (page.parent / "data.js").read_text(encoding="utf-8")
    return json.loads(text[text.index("{") : text.rindex("}") + 1])


def test_every_kind_of_failure_is_in_this_test(written):
    assert all(written.failures.counts().values())
    assert set(written.failures.counts()) == set(KINDS)
    assert written.hubs
    assert written.suspicions.alike


def test_nothing_is_asked_for_elsewhere_and_nothing_else_may_run(written):
    page = written.page.read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)[1]
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    nonce = directives["script-src"]
    assert re.fullmatch(r"'nonce-[0-9a-f]{32}'", nonce)
    assert directives == {
        "default-src": "'none'",
        "script-src": nonce,
        "style-src": nonce,
        "img-src": "'self' file:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    for file in written.page.parent.glob("*.*"):
        assert "://" not in file.read_text(encoding="utf-8"), file
    references = re.findall(r'(?:src|href)="([^"#]+)"', page)
    assert len(references) == 5
    assert all((written.page.parent / reference).is_file() for reference in references)
    assert page.count("<script") == page.count(f'nonce="{nonce[7:-1]}"></script>')
    assert not re.search(r"\son\w+=|style=", page)


def test_names_are_text(written):
    page = written.page.read_text(encoding="utf-8")
    assert "noise <b>" not in page
    assert "noise &lt;b&gt;" in page
    assert read_data(written.page)["images"]["name"][0].endswith(HOSTILE)
    scripts = "".join(path.read_text() for path in written.page.parent.glob("fail*.js"))
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(", scripts)


def test_the_data_are_those_of_the_test(test, written):
    query, gallery = test[1]
    data, failures = read_data(written.page), written.failures
    pids, names = [int(pid) for pid in data["images"]["pid"]], data["images"]["name"]
    assert len(pids) == len(names) == written.pictures <= QUERIES + GALLERY
    order = failures.worst_first
    assert [pids[image] for image in data["queries"]["image"]] == query.pids[order].tolist()
    assert data["queries"]["first"] == failures.scores.first_match_ranks[order].tolist()
    assert [data["kinds"][kind]["key"] for kind in data["queries"]["kind"]] == [
        KINDS[kind] for kind in failures.kinds[order]
    ]
    assert data["queries"]["precision"][-1] is None  # the one without a match
    for row, place in enumerate(order):
        shown = data["ranked"]["image"][row]
        assert [pids[image] for image in shown] == gallery.pids[failures.ranked[place]].tolist()
        assert data["ranked"]["right"][row] == failures.is_match[place].astype(int).tolist()
        distances = np.array(data["ranked"]["distance"][row])
        np.testing.assert_allclose(distances, failures.distances[place], rtol=1e-3)
        chances = data["ranked"]["probability"][row]
        np.testing.assert_allclose(chances, same(failures.distances[place]), atol=6e-4)
        ranks = data["matches"]["rank"][row]
        total = data["queries"]["matches"][row]
        assert len(ranks) == min(total, MOST_MATCHES)
        if 0 < total <= MOST_MATCHES:
            assert ranks[-1] == data["queries"]["last"][row]
    for hub, shown in zip(written.hubs, data["hubs"], strict=True):
        assert pids[shown["image"]] == gallery.pids[hub.image]
        rows = [query["row"] for query in shown["queries"]]
        assert order[rows].tolist() == list(hub.queries)
        for found in shown["queries"]:
            place = found["rank"] - 1
            assert data["ranked"]["image"][found["row"]][place] == shown["image"]


def test_every_picture_is_there_once(written):
    pictures = written.page.parent / "pictures"
    found = {path.relative_to(pictures).as_posix() for path in pictures.rglob("*.jpg")}
    assert found == {thumbnail_name(number) for number in range(written.pictures)}
    files = [path for path in written.page.parent.rglob("*") if path.is_file()]
    assert written.size == sum(path.stat().st_size for path in files)
    with Image.open(pictures / thumbnail_name(0)) as image:
        assert image.size == (16, 32)


def test_the_worst_are_kept_of_many(test, tmp_path):
    written = write_page(tmp_path / "page", test, most_queries=7)
    data = read_data(written.page)
    assert len(data["queries"]["image"]) == len(data["ranked"]["image"]) == 7
    assert data["queries"]["first"] == sorted(data["queries"]["first"], reverse=True)
    assert "The worst 7 queries are on this page" in written.page.read_text()
    rows = {query["row"] for hub in data["hubs"] for query in hub["queries"]}
    assert -1 in rows
    assert max(rows) < 7
    assert "probability" not in data["ranked"]


def test_without_cameras_there_are_none_on_the_page(test, tmp_path):
    written = write_page(tmp_path / "one", make_test(tmp_path / "noise", cameras=0))
    data = read_data(written.page)
    assert data["images"]["camid"] is None
    assert data["apartInCamera"] == []


def test_the_page_says_how_it_was_tested(test, tmp_path):
    settings = EvaluationSettings("no-cameras", rerank=True)
    written = write_page(tmp_path / "page", test, settings=settings)
    page = written.page.read_text()
    assert "the order by distance, before re-ranking" in page
    assert "Tested with: no cameras; re-ranked" in page
    query, gallery = test[1]
    for place, image in zip(
        written.failures.matches.queries, written.failures.matches.images, strict=True
    ):
        assert query.pids[place] == gallery.pids[image]
    assert len(written.failures.matches.images) == len(written.failures.own.images)
    assert written.suspicions.apart_in_camera  # cameras are known, whatever counts


def test_what_has_no_page_is_refused_and_nothing_is_left(test, tmp_path):
    dataset, embeddings = test
    with pytest.raises(InputError, match="single-shot draws its gallery"):
        write_page(tmp_path / "page", test, settings=EvaluationSettings("single-shot"))
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no")
    query = (dataset.query[0]._replace(path=broken), *dataset.query[1:])
    with pytest.raises(DataError, match=r"broken\.jpg"):
        write_page(tmp_path / "page", (replace(dataset, query=query), embeddings))
    assert [path.name for path in tmp_path.iterdir()] == ["broken.jpg"]


def test_ids_beyond_those_of_javascript_are_exact(test, tmp_path):
    dataset, (query, gallery) = test
    far = 2**60 + 1

    def moved(samples):
        return tuple(sample._replace(pid=sample.pid + far) for sample in samples)

    dataset = replace(dataset, train=(), query=moved(dataset.query), gallery=moved(dataset.gallery))
    sides = replace(query, pids=query.pids + far), replace(gallery, pids=gallery.pids + far)
    images = read_data(write_page(tmp_path / "page", (dataset, sides)).page)["images"]
    known = {str(sample.pid) for sample in (*dataset.query, *dataset.gallery)}
    assert set(images["pid"]) <= known
    assert all(isinstance(camid, str) for camid in images["camid"])
