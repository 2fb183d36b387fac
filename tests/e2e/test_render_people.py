"""The tool that renders people: same pictures for any number of processes, kills, refusals."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import crosscam

TOP = Path(__file__).parents[2]
SET = ("--seed", "5", "--identities", "4", "--cameras", "3", "--distractors", "2", "--junk", "2")
FOLDERS = ("bounding_box_train", "query", "bounding_box_test")


def why_not():
    """What is missing to render here, or nothing."""
    missing = [name for name in ("anny", "moderngl") if importlib.util.find_spec(name) is None]
    if missing:
        return f"the extra `render` is not installed: no {' and no '.join(missing)}"
    import moderngl  # noqa: PLC0415

    try:
        moderngl.create_context(standalone=True, backend="egl").release()
    except Exception as error:  # noqa: BLE001
        return f"there is no OpenGL with EGL here: {error}"
    return None


REASON = why_not()
needs_opengl = pytest.mark.skipif(REASON is not None, reason=str(REASON))


def command(*arguments):
    return [sys.executable, "-m", "tools.render_people", *map(str, arguments)]


def render(*arguments):
    return subprocess.run(
        command(*arguments), cwd=TOP, capture_output=True, text=True, timeout=600, check=False
    )


def contents(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A set rendered by one process, without a stop."""
    folder = tmp_path_factory.mktemp("rendered") / "one"
    done = render(*SET, "--jobs", 1, "--out", folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def main(monkeypatch):
    """The command, in this process: importing crosscam anew takes seconds."""
    monkeypatch.syspath_prepend(str(TOP))
    return importlib.import_module("tools.render_people.cli").main


@needs_opengl
def test_it_is_a_set_that_crosscam_reads(whole):
    dataset = crosscam.load_dataset("market1501", whole)
    summary = json.loads((whole / "summary.json").read_text())
    sizes = [len(samples) for samples in (dataset.train, dataset.query, dataset.gallery)]
    images = [summary["images"][name] for name in FOLDERS]
    assert sizes == [images[0], images[1], images[2] - 2]
    assert dataset.left_out == {"junk images (pid -1)": 2}
    assert len({sample.pid for sample in dataset.train}) == summary["train_identities"] == 2
    files = contents(whole)
    assert len(files) == sum(images) + 1 == len(set(files.values()))
    matches = {(sample.pid, sample.camid) for sample in dataset.gallery}
    for sample in dataset.query:
        assert any(pid == sample.pid and camid != sample.camid for pid, camid in matches)


@needs_opengl
def test_two_processes_stopped_and_killed_give_the_same_files(main, capsys, whole, tmp_path):
    """Killed once and stopped once by Ctrl-C, each time after some pictures, then finished."""
    out = tmp_path / "two"
    arguments = (*SET, "--jobs", 2, "--out", out)
    for number, status in ((signal.SIGKILL, -9), (signal.SIGINT, 130)):
        before = len(list(out.rglob("*.jpg")))
        resume = ["--resume"] if before else []
        process = subprocess.Popen(
            command(*arguments, *resume),
            cwd=TOP,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        while len(list(out.rglob("*.jpg"))) <= before:
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        if number == signal.SIGINT:
            os.killpg(process.pid, signal.SIGSTOP)  # so that it is not done too soon
            assert main([*map(str, arguments), "--resume"]) == 2
            assert "another process is writing it" in capsys.readouterr().err
            os.killpg(process.pid, number)  # as a terminal does: the workers get it too
            os.killpg(process.pid, signal.SIGCONT)
        else:
            process.send_signal(number)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == status, errors
        assert "Traceback" not in errors
        assert not (out / "summary.json").exists()
        deadline = time.monotonic() + 30
        while _runs(process.pid):  # the workers end with it
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert errors.strip().splitlines()[-1].startswith("render_people: stopped at ")
    (out / "query" / ".half.jpg.crosscam-tmp").write_bytes(b"half")
    done = render(*arguments, "--resume")
    assert done.returncode == 0, done.stderr
    assert contents(out) == contents(whole)


@needs_opengl
def test_what_cannot_be_gone_on_with_is_refused(main, capsys, whole, tmp_path):
    def said(status, *arguments):
        assert main([*SET, *map(str, arguments)]) == status
        return capsys.readouterr().err

    before = contents(whole)
    assert "the folder is not empty" in said(2, "--out", whole)
    other = said(2, "--seed", 6, "--out", whole, "--resume")
    assert "it was begun with --seed 5 --camera-seed 5; go on with that" in other
    assert said(0, "--out", whole, "--resume") == f"render_people: {whole} is finished\n"
    assert contents(whole) == before
    (tmp_path / "note.txt").write_text("mine")
    nothing = said(2, "--out", tmp_path, "--resume")
    assert "there is no set of this tool to go on with" in nothing
    assert contents(tmp_path) == {"note.txt": b"mine"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--cameras", "1"), "--cameras 1: give 2 to 99"),
        (("--identities", "many"), "argument --identities: invalid int value: 'many'"),
        (("--jobs", "0"), "--jobs 0: give 1 to 256"),
        (("--nope",), "unrecognized arguments: --nope"),
    ],
)
def test_bad_arguments_are_refused_in_one_line(main, capsys, tmp_path, arguments, message):
    assert main(["--out", str(tmp_path / "new"), *arguments]) == 2
    errors = capsys.readouterr().err
    assert errors.startswith(f"render_people: error: {message}")
    assert errors.count("\n") == 1
    assert not (tmp_path / "new").exists()


@pytest.mark.skipif(REASON is None, reason="all that rendering needs is here")
def test_a_machine_that_cannot_render_is_told_so(tmp_path):
    done = render("--out", tmp_path / "new")
    assert done.returncode == 2
    assert done.stderr.startswith("render_people: error: ")
    assert "docs/rendering.md" in done.stderr or "[render]" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "new").exists()


def _runs(leader):
    """Whether any process that `leader` started is still there, by /proc."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == leader and fields[0] != "Z":
            return True
    return False


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="EGL and /proc: Linux only")
