"""Another end for a network: what it gives, what it is called, and where it cannot be."""

import golden
import numpy as np
import pytest
import torch

import crosscam
from crosscam.errors import ModelError
from crosscam.losses.weighted import WeightedLosses
from crosscam.models.registry import outline_model
from crosscam.settings.head import Head
from crosscam.settings.losses import LossTable
from crosscam.training.freezing import set_learning

BNNECK = Head(name="bnneck")
SIZE = (64, 32)


def make(name="lightres", *, head=BNNECK, num_classes=5):
    return golden.fill(crosscam.create_model(name, num_classes=num_classes, head=head))


@pytest.fixture(params=["lightres", "resnet18"])
def model(request):
    return make(request.param)


def both(model, images):
    """What a model gives in training mode, with the statistics of eval mode, and in eval mode."""
    output = golden.frozen_train(model)(images)
    return output, model.eval()(images)


def cosines(features, vectors):
    a, b = (array.detach().double().numpy() for array in (features, vectors))
    return (a @ b.T) / np.sqrt((a**2).sum(1)[:, None] * (b**2).sum(1))


def test_features_are_the_necks_and_triplets_compare_what_comes_before(model):
    images = golden.images(4, *SIZE)
    output, features = both(model, images)
    average = model.network.forward_map(images).flatten(2).mean(dim=2)
    torch.testing.assert_close(output.features, average)
    norm = model.neck.norm
    normalised = (average - norm.running_mean) / (norm.running_var + norm.eps).sqrt()
    torch.testing.assert_close(features, normalised * norm.weight)
    torch.testing.assert_close(output.logits[0], features @ model.classifier.weight.T)
    assert features.shape == (4, model.feature_dim)


def test_the_short_name_is_the_head_of_which_nothing_is_said():
    torch.manual_seed(7)
    short = crosscam.create_model("lightres", num_classes=5, head=BNNECK).state_dict()
    torch.manual_seed(7)
    plain = crosscam.create_model("lightres", num_classes=5, head={}).state_dict()
    assert list(short) == list(plain)
    assert all(value.equal(plain[name]) for name, value in short.items())


def test_all_parts_in_their_order():
    model = make(head={"pool": "gem", "power": 2.0, "projection": 24, "classifier": "circle"})
    images = golden.images(4, *SIZE)
    output, features = both(model, images)
    power = model.pool.p.item()
    clamped = model.network.forward_map(images).double().flatten(2).clamp(min=1e-6)
    pooled = (clamped**power).mean(dim=2) ** (1 / power)
    before = pooled @ model.projection.weight.double().T
    torch.testing.assert_close(output.features, before.float(), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(features, model.neck.norm(output.features))
    expected = torch.from_numpy(cosines(features, model.classifier.weight)).float()
    torch.testing.assert_close(output.logits[0], expected)
    assert features.shape == (4, 24)
    assert model.feature_dim == 24


@pytest.mark.parametrize("compared", ["before", "after"])
@pytest.mark.parametrize("tested", ["before", "after"])
def test_either_side_of_the_neck_is_compared_and_tested(compared, tested):
    output, features = both(
        make(head={"compared": compared, "tested": tested}), golden.images(4, *SIZE)
    )
    assert torch.equal(output.features, features) == (compared == tested)
    after = make().eval()(golden.images(4, *SIZE))
    assert torch.equal(features, after) == (tested == "after")
    torch.testing.assert_close(output.logits[0], after @ make().classifier.weight.T)


@pytest.mark.parametrize("classifier", ["cosine", "circle", "arcface", "cosface"])
def test_without_a_neck_features_are_classified_as_they_come(classifier):
    model = make(head={"neck": "none", "classifier": classifier})
    images = golden.images(4, *SIZE)
    output, features = both(model, images)
    assert torch.equal(features, model.network.forward_map(images).mean(dim=(2, 3)))
    assert torch.equal(output.features, features)
    expected = torch.from_numpy(cosines(features, model.classifier.weight)).float()
    torch.testing.assert_close(output.logits[0], expected)
    assert "neck" not in "".join(model.state_dict())


def test_the_plainest_head_is_resnets_own_end():
    plain = golden.fill(crosscam.create_model("resnet18", num_classes=5))
    model = crosscam.create_model("resnet18", num_classes=5, head={"neck": "none"})
    model.classifier.load_state_dict(plain.classifier.state_dict())
    model.network.load_state_dict(
        {name: value for name, value in plain.state_dict().items() if "classifier" not in name}
    )
    images = golden.images(4, *SIZE)
    (output, features), (expected, expected_features) = both(model, images), both(plain, images)
    assert torch.equal(features, expected_features)
    assert torch.equal(output.logits[0], expected.logits[0])


def test_cosines_are_precise_under_autocast():
    model = make(head={"classifier": "arcface"}).train()
    images = golden.images(4, *SIZE)
    with torch.autocast("cpu", torch.bfloat16):
        output = model(images)
    assert output.logits[0].dtype == torch.float32
    assert output.logits[0].abs().max() <= 1 + 1e-6


@pytest.mark.parametrize(
    ("head", "own"),
    [
        ({}, {"neck.norm.weight", "classifier.weight"}),
        ({"neck": "none"}, {"classifier.weight", "classifier.bias"}),
        ({"neck": "none", "classifier": "cosine"}, {"classifier.weight"}),
        ({"pool": "gem"}, {"pool.p", "neck.norm.weight", "classifier.weight"}),
        ({"pool": "gem", "learn_power": False}, {"neck.norm.weight", "classifier.weight"}),
        (
            {"pool": "attention", "projection": 8, "classifier": "circle"},
            {
                *("pool.hidden.weight", "pool.score.weight", "projection.weight"),
                *("neck.norm.weight", "classifier.weight"),
            },
        ),
    ],
)
def test_its_weights_have_the_names_of_its_parts_and_all_learn(head, own):
    model = make(head=head)
    output = model.train()(golden.images(4, *SIZE))
    losses = WeightedLosses(LossTable(xent=1.0, triplet=1.0).parts)
    torch.stack(list(losses(output, torch.tensor([0, 0, 1, 1])).values())).sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    names = {name for name, _ in model.named_parameters() if not name.startswith("network.")}
    assert names == own
    assert {name for name in model.state_dict() if name.startswith(model.head_names)} == {
        name for name in model.state_dict() if not name.startswith("network.")
    }
    needed = sum(parameter.numel() for parameter in model.parameters())
    classifier = sum(parameter.numel() for parameter in model.classifier.parameters())
    assert crosscam.count_parameters(model) == needed - classifier


def test_it_says_what_it_is(model):
    network = crosscam.create_model("lightres", num_classes=5)
    assert model.input_size == network.input_size
    assert (model.mean, model.std, model.num_classes) == (network.mean, network.std, 5)
    own = {name for name in model.state_dict() if not name.startswith("network.")}
    norm = {"weight", "running_mean", "running_var", "num_batches_tracked"}
    assert own == {"classifier.weight", *(f"neck.norm.{name}" for name in norm)}


def test_what_it_is_drawn_at():
    torch.manual_seed(3)
    model = crosscam.create_model("lightres", num_classes=500, head={"projection": 128})
    assert model.classifier.weight.std().item() == pytest.approx(0.001, rel=0.05)
    assert model.projection.weight.std().item() == pytest.approx((2 / 128) ** 0.5, rel=0.05)
    assert model.neck.norm.weight.equal(torch.ones(128))
    cosine = crosscam.create_model("lightres", num_classes=500, head={"classifier": "cosine"})
    assert cosine.classifier.weight.std().item() == pytest.approx(0.01, rel=0.05)


def test_the_network_is_drawn_as_with_its_own_end():
    torch.manual_seed(3)
    plain = crosscam.create_model("lightres", num_classes=5).state_dict()
    torch.manual_seed(3)
    headed = crosscam.create_model("lightres", num_classes=5, head=BNNECK)
    for name, value in headed.network.state_dict().items():
        assert value.equal(plain[name])


def test_freezing_leaves_the_head_alone_to_learn(model):
    set_learning(model, end_alone=True)
    learning = {name for name, value in model.named_parameters() if value.requires_grad}
    assert learning == {"classifier.weight", "neck.norm.weight"}
    set_learning(model, end_alone=False)
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert model.neck.norm.bias is None


@pytest.mark.slow
def test_it_can_be_exported_laid_out_otherwise_and_computed_in_bfloat16(model):
    images = golden.images(4, *SIZE)
    with torch.inference_mode():
        expected = model.eval()(images)
    exported = torch.export.export(model, (images,))
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        rough = model(images.to(memory_format=torch.channels_last)).float()
    with torch.inference_mode():
        torch.testing.assert_close(exported.module()(images), expected, rtol=1e-4, atol=1e-5)
    assert torch.nn.functional.cosine_similarity(rough, expected).min() > 0.99


def test_a_model_that_can_have_no_other_end_is_refused_before_its_weights_are_looked_for():
    with pytest.raises(ModelError, match="lightmbn_osnet can have no end but its own; leave out"):
        crosscam.create_model("lightmbn_osnet", num_classes=2, head=BNNECK, weights="gone.pth")


def test_an_unknown_model_is_still_unknown():
    with pytest.raises(ModelError, match="unknown model 'resnet51'"):
        crosscam.create_model("resnet51", num_classes=2, head=BNNECK)


def test_a_head_that_cannot_be_is_refused_in_a_line():
    with pytest.raises(
        ModelError, match=r'^head: power and learn_power are of pool = "gem".*that$'
    ):
        crosscam.create_model("lightres", num_classes=2, head={"power": 3.0})
    with pytest.raises(ModelError, match="^head: unknown key poll; did you mean pool?"):
        crosscam.create_model("lightres", num_classes=2, head={"poll": "gem"})


def test_an_outline_has_the_heads_shapes():
    outline = outline_model("resnet50", num_classes=7, head=Head(pool="gem", projection=16))
    assert outline.classifier.weight.shape == (7, 16)
    assert outline.classifier.weight.is_meta
    assert outline.pool.p.is_meta
