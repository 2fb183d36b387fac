"""A start from weights that have to be fetched first, by the command."""

import signal
import subprocess
import sys

import pytest
import torch
from command import train_arguments
from serving import Served, serving, wait_until

import crosscam


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("served") / "start.pth"
    torch.save(crosscam.create_model("mobilenetv2", num_classes=9).state_dict(), path)
    return path.read_bytes()


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"]
)
def test_a_stop_while_fetching_ends_at_once_and_the_part_is_gone_on_with(
    weights, tiny_market, tmp_path, monkeypatch, number, status
):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    served = Served(weights, hang_after=100_000)
    with serving(served) as url:
        arguments = train_arguments(tiny_market, tmp_path / "run", f"weights={url}start.pth")
        process = subprocess.Popen(
            [sys.executable, "-m", "crosscam", *arguments],
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        wait_until(lambda: [f.stat().st_size for f in tmp_path.rglob("*part")] == [100_000])
        process.send_signal(number)
        _, errors = process.communicate(timeout=15)  # before the server's silence is too long
        assert process.returncode == status, errors
        last = "crosscam: stopped before training began; give the same command again"
        assert errors.splitlines()[-1] == last
        assert "fetching the weights to start from" in errors
        assert not (tmp_path / "run").exists()
        served.hang_after = None
        crosscam.create_model("mobilenetv2", num_classes=9, weights=f"{url}start.pth")
    assert served.sent == [100_000, len(weights) - 100_000]
    assert not list(tmp_path.rglob("*crosscam-*"))
