"""Patterns of names: what they read, and which are refused."""

import pytest

from crosscam.data.patterns import parse_pattern
from crosscam.errors import DataError


@pytest.mark.parametrize(
    ("pattern", "path", "names"),
    [
        ("{pid}/*", "alice/001.jpg", ("alice", None)),
        ("{pid}/*", "Zoë van Dam/a b.PNG", ("Zoë van Dam", None)),
        ("{pid}/*", "alice/cam2/001.jpg", None),
        ("{pid}/*", "001.jpg", None),
        ("{pid}_{camid}_*.jpg", "0002_3_000451.jpg", ("0002", "3")),
        ("{pid}_{camid}_*.jpg", "0002_3_000451.JPG", ("0002", "3")),
        ("{pid}_{camid}_*.jpg", "0002_3_.jpg", ("0002", "3")),
        ("{pid}_{camid}_*.jpg", "0002_3_000451.png", None),
        ("{pid}_{camid}_*.jpg", "0002_3_000451xjpg", None),
        ("{pid}_{camid}_*.jpg", "a/0002_3_000451.jpg", None),
        ("{pid}_{camid}_*.jpg", "__1.jpg", None),
        ("{pid}_{camid}_*.jpg", " _1_.jpg", None),
        ("{pid}_c{camid}s*.jpg", "-1_c3s1_000451_03.jpg", ("-1", "3")),
        ("cam{camid}/person{pid}.*", "camleft/person7.webp", ("7", "left")),
        ("CAM{camid}/{pid}.*", "cam1/7.webp", None),
        ("{pid}/{camid}/*", "王小明/前門/1.jpg", ("王小明", "前門")),
        ("*_{pid}.jpg", "a_b_7.jpg", ("7", None)),
        ("{pid}[0]+.*", "7[0]+.jpg", ("7", None)),
        ("{pid}[0]+.*", "700.jpg", None),
        ("{pid}-{camid}^*", "7-2^x.jpg", ("7", "2")),
        ("{pid}]{camid}\\*", "7]2\\x.jpg", ("7", "2")),
    ],
)
def test_names_are_read(pattern, path, names):
    assert parse_pattern(pattern).read(path) == names


def test_accents_are_the_same_however_they_are_written():
    composed, decomposed = "jos\u00e9", "jose\u0301"
    for text in (composed, decomposed):
        assert parse_pattern(f"{text}_{{pid}}_*").read(f"{decomposed}_{text}_1.jpg").pid == composed


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("", "has no {pid}"),
        ("*.jpg", "has no {pid}"),
        ("{camid}_*.jpg", "has no {pid}"),
        ("{pid}_{person}.jpg", "unknown field {person}; the fields are {pid}, {camid} and {time}"),
        ("{pid}_{}.jpg", "unknown field {}"),
        ("{PID}_*.jpg", "unknown field {PID}"),
        ("{pid}_{pid}.jpg", "has {pid} twice"),
        ("{pid}_{camid}_{camid}.jpg", "has {camid} twice"),
        ("{pid_*.jpg", "a brace that belongs to no field"),
        ("{pid}}_*.jpg", "a brace that belongs to no field"),
        ("{pid}{camid}.jpg", "has {pid} before {camid}; put what ends it behind it"),
        ("{pid}*.jpg", "has {pid} before *"),
        ("x_{pid}", "has {pid} at the end"),
        ("*{pid}.jpg", "has {pid} behind *; put what begins it before it"),
        ("**/{pid}.jpg", "has **, but * stays within one folder"),
        ("/data/{pid}/*", "begins with /"),
    ],
)
def test_patterns_that_are_not_clear_are_refused(pattern, message):
    with pytest.raises(DataError) as caught:
        parse_pattern(pattern)
    assert message in str(caught.value)
    assert str(caught.value).endswith("patterns look like '{pid}_{camid}_*.jpg' or '{pid}/*'")
