"""ImageNet weights: found, fetched, checked by hash, and never replaced by a random start."""

import hashlib
import http.server
import socket
import threading
from pathlib import Path

import pytest
import torch

import crosscam
from crosscam.errors import WeightsError
from crosscam.models import imagenet


@pytest.fixture
def made(tmp_path, monkeypatch):
    """A file like torchvision's ResNet-18, under a name that says its hash."""
    torch.manual_seed(5)
    source = crosscam.create_model("resnet18", num_classes=1)
    weights = {k: v for k, v in source.state_dict().items() if not k.startswith("classifier.")}
    weights["fc.weight"], weights["fc.bias"] = torch.zeros(1000, 512), torch.zeros(1000)
    folder = tmp_path / "served"
    folder.mkdir()
    torch.save(weights, folder / "new.pth")
    digest = hashlib.sha256((folder / "new.pth").read_bytes()).hexdigest()[:8]
    path = folder / f"resnet18-{digest}.pth"
    (folder / "new.pth").rename(path)
    monkeypatch.setattr(imagenet, "IMAGENET_FILES", {"resnet18": path.name})
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    return path, source


def starts_from(model, source):
    return torch.equal(model.layer4[1].conv2.weight, source.layer4[1].conv2.weight)


def test_a_file_by_its_path(made):
    path, source = made
    model = crosscam.create_model("resnet18", num_classes=3, weights=path)
    assert starts_from(model, source)
    assert model.classifier.weight.shape == (3, 512)


@pytest.mark.parametrize("name", ["imagenet", "IMAGENET1K_V1", None])
def test_a_file_in_torchvisions_cache_by_its_names(made, tmp_path, name):
    path, source = made
    cache = tmp_path / "hub" / "checkpoints" / path.name
    cache.parent.mkdir(parents=True)
    cache.write_bytes(path.read_bytes())
    model = crosscam.create_model("resnet18", num_classes=3, weights=name or path.name)
    assert starts_from(model, source)


def test_a_file_is_fetched_once_and_kept(made, tmp_path):
    path, source = made
    model = crosscam.create_model("resnet18", num_classes=3)
    imagenet.load_imagenet(model, "resnet18", base_url=path.parent.as_uri() + "/")
    assert starts_from(model, source)
    assert (tmp_path / "hub" / "checkpoints" / path.name).read_bytes() == path.read_bytes()
    again = crosscam.create_model("resnet18", num_classes=3, weights="imagenet")
    assert starts_from(again, source)


class Server(http.server.BaseHTTPRequestHandler):
    content = b""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.content)

    def log_message(self, *_):
        pass


@pytest.fixture
def serve():
    servers = []

    def start(content):
        handler = type("Handler", (Server,), {"content": content})
        server = http.server.HTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_over_http(made, serve):
    path, source = made
    model = crosscam.create_model("resnet18", num_classes=3)
    imagenet.load_imagenet(model, "resnet18", base_url=serve(path.read_bytes()))
    assert starts_from(model, source)


def test_wrong_bytes_are_refused_and_not_kept(made, serve, tmp_path):
    path, _ = made
    model = crosscam.create_model("resnet18", num_classes=3)
    with pytest.raises(WeightsError, match="could not be fetched .*invalid hash"):
        imagenet.load_imagenet(model, "resnet18", base_url=serve(path.read_bytes()[:-1]))
    assert list((tmp_path / "hub" / "checkpoints").iterdir()) == []


def test_no_network_says_which_file_to_put_where(made, tmp_path, monkeypatch):
    path, _ = made
    model = crosscam.create_model("resnet18", num_classes=3)
    with pytest.raises(WeightsError) as caught:
        imagenet.load_imagenet(model, "resnet18", base_url="http://127.0.0.1:9/")
    expected = tmp_path / "hub" / "checkpoints" / path.name
    for part in (path.name, str(expected), "--set weights=PATH", "--set weights=none"):
        assert part in str(caught.value)


def test_a_file_with_another_hash_is_refused(made):
    path, _ = made
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(WeightsError, match="its SHA-256 begins with"):
        crosscam.create_model("resnet18", num_classes=3, weights=path)


@pytest.mark.parametrize("name", ["{name}", "./{name}", "renamed.pth"])
def test_a_file_in_the_current_folder_by_any_name(made, monkeypatch, name):
    path, source = made
    if name == "renamed.pth":
        path.rename(path.with_name(name))
    monkeypatch.chdir(path.parent)
    weights = name.format(name=path.name)
    assert starts_from(crosscam.create_model("resnet18", num_classes=3, weights=weights), source)


def test_a_server_that_speaks_no_http(made, tmp_path):
    _path, _ = made
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def answer():
            connection, _ = listener.accept()
            connection.recv(4096)
            connection.sendall(b"nonsense\r\n")
            connection.close()

        threading.Thread(target=answer, daemon=True).start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        model = crosscam.create_model("resnet18", num_classes=3)
        with pytest.raises(WeightsError, match="could not be fetched"):
            imagenet.load_imagenet(model, "resnet18", base_url=url)
    assert list((tmp_path / "hub" / "checkpoints").iterdir()) == []


def test_a_path_that_is_not_there(made):
    path, _ = made
    with pytest.raises(WeightsError, match="no such weight file"):
        crosscam.create_model("resnet18", num_classes=3, weights=Path("/nowhere") / path.name)


def test_a_model_without_imagenet_weights_says_so():
    with pytest.raises(
        WeightsError, match="no ImageNet weights for mobilenetv2, only for resnet18"
    ):
        crosscam.create_model("mobilenetv2", num_classes=3, weights="imagenet")


def test_the_known_files_are_torchvisions_first():
    assert imagenet.IMAGENET_FILES == {
        "resnet18": "resnet18-f37072fd.pth",
        "resnet50": "resnet50-0676ba61.pth",
    }
