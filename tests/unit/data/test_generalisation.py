"""The protocols of domain generalisation: their data sets are known, and of the published sizes."""

import pytest

from crosscam.data.generalisation import STUDIES, command_lines, find_study
from crosscam.data.registry import READERS
from crosscam.errors import DataError

TURNS = [(name, turn) for name, study in STUDIES.items() for turn in study.turns]


def set_of(name):
    return name.partition(":")[0]


@pytest.mark.parametrize(("study", "turn"), TURNS)
def test_every_name_is_a_data_set_and_none_is_trained_on_and_tested_on(study, turn):
    for name in (*turn.sources, *turn.targets):
        base, _, variant = name.partition(":")
        assert base in READERS, study
        assert not variant or variant in READERS[base].variants, name
    assert not set(map(set_of, turn.sources)) & set(map(set_of, turn.targets))
    assert len(set(map(set_of, turn.sources))) == len(turn.sources)
    assert "cuhk-sysu" in turn.sources


@pytest.mark.parametrize(
    ("study", "left", "sources"),
    [
        ("protocol-2", "cuhk03:detected", ["market1501", "msmt17", "cuhk-sysu"]),
        ("protocol-2", "market1501", ["msmt17", "cuhk03:detected", "cuhk-sysu"]),
        ("protocol-3", "msmt17", ["market1501:all", "cuhk03:detected+all", "cuhk-sysu"]),
    ],
)
def test_one_is_left_out_to_test_on(study, left, sources):
    turns = {turn.targets: turn for turn in STUDIES[study].turns}
    assert len(turns) == 3
    assert list(turns[(left,)].sources) == sources


def test_the_small_sets_are_tested_on_in_all_their_splits():
    (turn,) = STUDIES["protocol-1"].turns
    assert len(turn.targets) == 40
    assert {set_of(name) for name in turn.targets} == {"prid", "grid", "viper", "ilids"}
    assert set(STUDIES["protocol-1-duke"].turns[0].sources) - set(turn.sources) == {
        "dukemtmcreid:all"
    }


def test_whole_data_sets_are_as_large_as_in_the_studies():
    """People and images, as tables of META (ECCV 2022) and later studies give them."""
    sizes = {
        "market1501:all": (1_501, 29_419),
        "cuhk02:all": (1_816, 7_264),
        "cuhk03:detected+all": (1_467, 14_097),
        "cuhk-sysu": (11_934, 34_574),
        "msmt17:v1+all": (4_101, 126_441),
    }
    for name, size in sizes.items():
        base, _, variant = name.partition(":")
        counts = READERS[base].about.published(variant)
        assert (counts.train_pids, counts.train_images) == size


def test_what_to_type():
    lines = command_lines(STUDIES["protocol-1"].turns[0], recipe="mine", run="out")
    assert lines[0].startswith("crosscam train mine --data market1501:all --data cuhk02:all ")
    assert lines[0].endswith(" --data cuhk-sysu --root DIR --out out")
    assert [line.split()[4] for line in lines[1:]] == ["prid:0", "grid:0", "viper:0", "ilids:0"]
    assert all(line.count("--data") == 10 for line in lines[1:])
    (line,) = command_lines(STUDIES["protocol-2"].turns[0])
    assert line.endswith(" --data cuhk-sysu --test cuhk03:detected --root DIR --out RUN")


def test_an_unknown_protocol_lists_the_known_ones():
    with pytest.raises(DataError, match="unknown protocol 'protocol-4'; known are protocol-1, "):
        find_study("protocol-4")
