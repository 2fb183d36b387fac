"""Jobs in processes of their own: what they say, how they end, and stopping them."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from crosscam.grid.launching import Job, LocalLaunch

TOOLS = Path(__file__).parents[2] / "tools"


@pytest.fixture(autouse=True)
def _can_be_found(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(TOOLS))


def jobs(folder, *kinds):
    return [
        Job(f"{number}-{kind}", "grid_job", {"do": kind}, folder / f"{number}.log")
        for number, kind in enumerate(kinds)
    ]


def launched(jobs, parallel=2, gpus=0):
    events = []
    statuses = LocalLaunch(parallel, gpus)(
        jobs, on_event=lambda name, event: events.append((name, event["event"], event.get("gpu")))
    )
    return statuses, events


def test_a_job_that_dies_or_fails_takes_nothing_else_with_it(tmp_path):
    statuses, events = launched(jobs(tmp_path, "nothing", "die", "fail", "nothing"))
    assert statuses == {"0-nothing": 0, "1-die": -9, "2-fail": 7, "3-nothing": 0}
    assert [name for name, event, _ in events if event == "done"] == ["0-nothing", "3-nothing"]
    assert (tmp_path / "2.log").read_text() == "something went wrong\n"


def test_each_of_several_gpus_gets_jobs_of_its_own(tmp_path, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    _, events = launched(jobs(tmp_path, *["nothing"] * 4), parallel=2, gpus=2)
    assert {gpu for _, event, gpu in events if event == "began"} <= {"0", "1"}
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,7")
    _, events = launched(jobs(tmp_path, "nothing"), parallel=1, gpus=2)
    assert [gpu for _, event, gpu in events if event == "began"] == ["5"]
    _, events = launched(jobs(tmp_path, "nothing"), parallel=1, gpus=1)
    assert [gpu for _, event, gpu in events if event == "began"] == ["5,7"]


def test_ctrl_c_asks_running_jobs_to_stop_and_begins_no_others(tmp_path):
    events = []

    def on_event(name, event):
        events.append((name, event["event"]))
        if event["event"] == "waiting":
            threading.Timer(0.1, os.kill, [os.getpid(), signal.SIGINT]).start()

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        LocalLaunch(1)(jobs(tmp_path, "wait", "nothing"), on_event=on_event)
    assert time.monotonic() - started < 30
    assert events == [("0-wait", "began"), ("0-wait", "waiting")]
