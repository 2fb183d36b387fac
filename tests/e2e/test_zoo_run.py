"""`crosscam zoo run`: cells side by side, killed, failing, stopped, and gone on with."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command import crosscam
from tiny import TINY

from crosscam.recipe import load_recipe

SETTINGS = [part for setting in TINY for part in ("--set", setting)]


def arguments(root, *more, recipes="mobilenetv2-xent,shufflenet-xent", seeds=1):
    data = ["--data", "market1501", "--root", str(root), "--out", "grid"]
    return [
        *("zoo", "run", "--recipes", recipes, "--seeds", str(seeds), "--jobs", "2"),
        *("--device", "cpu", *data, *SETTINGS, *more),
    ]


def statuses(folder):
    return {
        file.name.removesuffix(".cell.json"): json.loads(file.read_text())["status"]
        for file in (folder / "grid").glob("*.cell.json")
    }


def wait_until(true, seconds=120):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def children_of(pid):
    """The processes of cells that a grid's process started."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def start(folder, command):
    return subprocess.Popen(
        [sys.executable, "-m", "crosscam", *command],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_dry_run_says_what_it_would_do_and_does_nothing(tiny_market, tmp_path):
    done = crosscam(*arguments(tiny_market, "--dry-run", "--json", "-", seeds=2), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    cells = json.loads(done.stdout)["cells"]
    assert [cell["was"] for cell in cells] == ["run"] * 4
    assert all(cell["estimated_seconds"] > 0 for cell in cells)
    assert "4 cells in grid: 0 done, 4 to be run" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
def test_killed_it_leaves_no_process_and_goes_on(tiny_market, tmp_path):
    longer = ("--set", "schedule.epochs=30")
    command = arguments(tiny_market, *longer)
    with start(tmp_path, command) as grid:
        wait_until(lambda: len(list((tmp_path / "grid").glob("*/last.pt"))) == 2)
        cells = children_of(grid.pid)
        assert len(cells) == 2
        grid.kill()
    wait_until(lambda: not any(map(is_alive, cells)), 60)
    assert set(statuses(tmp_path).values()) == {"running"}

    done = crosscam(*command, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert set(statuses(tmp_path).values()) == {"done"}
    for run in (tmp_path / "grid").glob("*-1"):
        lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
        steps = [(line["epoch"], line["step"]) for line in lines]
        assert steps == sorted(set(steps))
        assert steps[-1][0] == 30

    cards = list((tmp_path / "grid").glob("*/model.json"))
    before = [card.stat().st_mtime_ns for card in cards]
    again = crosscam(*command, cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert "2 done, 0 to be run" in again.stdout
    assert before == [card.stat().st_mtime_ns for card in cards]


def test_a_failing_cell_is_told_at_the_end_and_others_go_on(tiny_market, tmp_path):
    broken = tmp_path / "broken.pth"
    broken.write_bytes(b"no weights")
    recipe = load_recipe("shufflenet-xent", [f"weights={broken}"])
    (tmp_path / "failing.toml").write_text(recipe.to_toml())
    done = crosscam(*arguments(tiny_market, recipes="failing.toml,mobilenetv2-xent"), cwd=tmp_path)
    assert done.returncode == 2
    assert "1 of 2 cells failed: failing-market1501-1 (grid/failing-market1501-1.log)" in (
        done.stderr
    )
    assert "failing-market1501-1: FAILED: " in done.stderr
    assert statuses(tmp_path) == {
        "failing-market1501-1": "failed",
        "mobilenetv2-xent-market1501-1": "done",
    }


def test_ctrl_c_stops_cells_and_says_how_to_go_on(tiny_market, tmp_path):
    command = arguments(tiny_market, "--set", "schedule.epochs=300")
    with start(tmp_path, command) as grid:
        wait_until(lambda: len(list((tmp_path / "grid").glob("*/last.pt"))) == 2)
        os.kill(grid.pid, signal.SIGINT)
        errors = grid.communicate(timeout=120)[1]
    assert grid.returncode == 130
    assert errors.splitlines()[-1] == (
        "crosscam: stopped; cells that ran have saved their state, and the same command goes on"
    )
    assert set(statuses(tmp_path).values()) == {"running"}
    assert not list((tmp_path / "grid").glob("**/*.crosscam-tmp"))


def test_two_grids_in_one_folder_and_nothing_to_run_are_refused(tiny_market, tmp_path):
    command = arguments(tiny_market, "--set", "schedule.epochs=300")
    with start(tmp_path, command) as grid:
        wait_until(lambda: list((tmp_path / "grid").glob("*/recipe.toml")))
        second = crosscam(*command, cwd=tmp_path)
        assert second.returncode == 2
        assert "is being trained in grid by another process" in second.stderr
        grid.terminate()
        grid.communicate(timeout=120)
    nothing = crosscam(*arguments(tmp_path / "nowhere"), cwd=tmp_path)
    assert nothing.returncode == 2
    assert "none of 2 cells can be run: " in nothing.stderr
    assert "Traceback" not in nothing.stderr
