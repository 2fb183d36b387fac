"""What all tests share."""

from pathlib import Path

import pytest
import torch
from golden import DATA
from hypothesis import settings
from tiny import card, write_market

import crosscam
from crosscam.weights.saved import save_card, save_weights

settings.register_profile("crosscam", deadline=None, max_examples=60, print_blob=True)
settings.load_profile("crosscam")


SLOW_FOLDERS = ("contract", "e2e", "parity")  # commands and whole networks


def pytest_collection_modifyitems(items):
    """Mark what is slow for where it stands; other tests are marked one by one."""
    tests = Path(__file__).parent
    for item in items:
        if item.path.relative_to(tests).parts[0] in SLOW_FOLDERS:
            item.add_marker(pytest.mark.slow)


@pytest.fixture
def market_fixture():
    """The independent miniature Market-1501 archive."""
    return DATA / "market1501"


@pytest.fixture(scope="session")
def tiny_market(tmp_path_factory):
    """A small data set laid out like Market-1501; read only."""
    return write_market(tmp_path_factory.mktemp("data") / "market1501")


@pytest.fixture(scope="session")
def saved_lightres(tmp_path_factory):
    """A saved model, of noise, with images of 64 x 32; what it is converted to is kept, too."""
    folder = tmp_path_factory.mktemp("saved") / "lightres"
    folder.mkdir()
    torch.manual_seed(0)
    model = crosscam.create_model("lightres", num_classes=4)
    digest = save_weights(folder, model)
    save_card(folder, card(model, architecture="lightres", weights_sha256=digest))
    return folder


@pytest.fixture(autouse=True)
def _alone(monkeypatch, tmp_path_factory):
    """No test sees the user's caches, nor leaves torch's settings behind."""
    base = tmp_path_factory.getbasetemp()
    monkeypatch.setenv("TORCH_HOME", str(base / "torch-home"))
    monkeypatch.setenv("CROSSCAM_CACHE", str(base / "crosscam-cache"))
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
