"""Starts from files of self-supervised training: DINO's, iBOT's, and what was made of them."""

from argparse import Namespace

import golden
import pytest
import torch
from timm_models import import_timm
from tiny_vit import register_tiny, tiny_vit

import crosscam
from crosscam.errors import WeightsError
from crosscam.settings.head import Head

HEAD = {"head.mlp.0.weight": torch.ones(3, 3), "head.last_layer.weight_g": torch.ones(3, 1)}
SETTINGS = Namespace(arch="vit_small", patch_size=16, global_crops_scale=(0.4, 1.0), lr=5e-4)


def backbone_of(model):
    """The weights of a network without its end, by the names of its kind."""
    state = model.state_dict()
    return {
        name.removeprefix("backbone."): value
        for name, value in state.items()
        if not name.startswith(("classifier.", "neck.", "jigsaw.", "camera_embedding."))
    }


def dino(path, model, **more):
    """A checkpoint like those of DINO's `main_dino.py`, with another student than teacher."""
    teacher = {f"backbone.{name}": value for name, value in backbone_of(model).items()} | HEAD
    student = {f"module.{name}": torch.zeros_like(value) for name, value in teacher.items()}
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.ones(2))])
    content = {
        "student": student,
        "teacher": teacher,
        "optimizer": optimizer.state_dict(),
        "epoch": 100,
        "args": SETTINGS,
        "dino_loss": {"center": torch.zeros(1, 3)},
    }
    torch.save({**content, **more}, path)
    return path


def holds(model, source):
    """Whether all of the backbone of `source` is in `model`, positions apart."""
    ours = {name.removeprefix("network."): value for name, value in model.state_dict().items()}
    ours = {name.removeprefix("backbone."): value for name, value in ours.items()}
    return all(
        torch.equal(ours[name], value)
        for name, value in backbone_of(source).items()
        if name != "pos_embed"
    )


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("vit_small:cameras=yes,jigsaw=yes,patch_stride=12", None),
        ("vit_small", Head(name="bnneck")),
        ("resnet18", Head(name="bnneck")),
        ("resnet18", None),
    ],
)
def test_the_teachers_backbone_is_taken(tmp_path, monkeypatch, name, head):
    register_tiny(monkeypatch)
    source = tiny_vit() if "vit" in name else crosscam.create_model("resnet18", num_classes=1)
    notes = []
    model = crosscam.create_model(
        name,
        num_classes=3,
        num_cameras=2,
        head=head,
        weights=dino(tmp_path / "checkpoint.pth", golden.fill(source)),
        on_note=notes.append,
    )
    assert holds(model, source)
    assert [note.partition(": ")[2] for note in notes] == [
        "of its sets of weights the teacher's was taken",
        "the backbone was taken, and its other end, 2 tensors, left out",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("wrapped", [True, False])
def test_backbones_of_timm_are_taken_too(tmp_path, wrapped):
    import_timm()
    name = "timm/test_vit:size=128x64"
    source = golden.fill(crosscam.create_model(name, num_classes=1))
    path = tmp_path / "checkpoint.pth"
    if wrapped:
        dino(path, source)
    else:
        torch.save(backbone_of(source) | {"head.weight": torch.ones(9)}, path)
    assert holds(crosscam.create_model(name, num_classes=3, weights=path), source)
    torch.save(source.state_dict(), path)
    assert holds(crosscam.create_model(name, num_classes=3, weights=path), source)


def test_a_converted_file_of_another_grid_is_taken(tmp_path, monkeypatch):
    register_tiny(monkeypatch)
    source = tiny_vit(size="224x224")
    torch.save({"model": backbone_of(source) | {"head.weight": torch.ones(9)}}, tmp_path / "w.pth")
    name = "vit_small:size=384x128"
    model = crosscam.create_model(name, num_classes=3, weights=tmp_path / "w.pth")
    assert holds(model, source)
    resized = model.adapt_start(source.state_dict())["pos_embed"]
    assert torch.equal(model.pos_embed, resized)
    assert resized.shape == (1, 1 + 24 * 8, 32)


def test_a_run_with_a_jigsaw_starts_one_without_and_the_other_way_round(tmp_path, monkeypatch):
    register_tiny(monkeypatch)
    path = tmp_path / "w.pth"
    for switches, other in (({"jigsaw": "yes"}, "vit_small"), ({}, "vit_small:jigsaw=yes")):
        source = tiny_vit(**switches)
        torch.save(source.state_dict(), path)
        model = crosscam.create_model(other, num_classes=5, weights=path)
        assert holds(model, source)
        assert torch.equal(model.classifier.weight, source.classifier.weight)


class Trap:
    """Runs something when it is unpickled by Python."""

    def __reduce__(self):
        return print, ("run",)


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        (Namespace(hook=Trap()), "asks for __builtin__.print; nothing of it was run"),
        (Namespace(path=golden.DATA), "asks for pathlib"),
        (torch.nn.Linear(1, 1), "asks for torch.nn.modules.linear.Linear"),
    ],
)
def test_what_is_no_plain_setting_is_still_refused(tmp_path, capsys, settings, fault):
    path = dino(tmp_path / "w.pth", tiny_vit(), args=settings)
    with pytest.raises(WeightsError, match=fault):
        crosscam.create_model("vit_small", num_classes=3, weights=path)
    assert "run" not in capsys.readouterr().out


def test_a_grid_that_cannot_be_told_is_said_with_the_file(tmp_path, monkeypatch):
    register_tiny(monkeypatch)
    weights = backbone_of(tiny_vit()) | {"pos_embed": torch.zeros(1, 132, 32)}
    torch.save(weights, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=r"w\.pth: its pos_embed is of 131 patches"):
        crosscam.create_model("vit_small", num_classes=3, weights=tmp_path / "w.pth")
