"""Training with losses that learn: they are drawn by the seed, kept, and gone on with."""

import pytest
import torch
from tiny import TINY, write_market

import crosscam
from crosscam.errors import DataError
from crosscam.experiment.watcher import SilentWatcher
from crosscam.training.losses import training_losses
from crosscam.training.prepare import prepare
from crosscam.training.run_folder import RunFolder, load_checkpoint

NAMES = ("xent", "triplet", "wrt", "center", "circle", "supcon", "multi-similarity")
ALL = (
    *TINY,
    "model=lightres",
    "batch.sampler=identities",
    "batch.identities=4",
    "batch.images_per_identity=2",
    'head={classifier="arcface"}',
    f"loss=[{', '.join(f'{{name={name!r}}}' for name in NAMES)}]",
    "loss.triplet.soft=true",
)


class Stopping(SilentWatcher):
    """Ends a training in its second epoch, as a fault would."""

    def on_step(self, record):
        if record.step.epoch:
            raise DataError("stopped")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return crosscam.load_dataset("market1501", write_market(tmp_path_factory.mktemp("market")))


def test_centers_are_one_a_person_and_drawn_by_the_seed_of_the_recipe_alone(dataset):
    def draw(seed):
        recipe = crosscam.load_recipe("mobilenetv2-xent", [*ALL, f"seed={seed}"])
        cpu = torch.device("cpu")
        training = prepare(recipe, dataset, weights="none", device=cpu, autocast=False)
        torch.manual_seed(3)
        losses = training_losses(training)
        assert torch.equal(torch.rand(1), torch.rand(1, generator=torch.Generator().manual_seed(3)))
        return losses.parts["center"].centers

    one, again, other = draw(0), draw(0), draw(1)
    assert one.shape == (6, 256)
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


@pytest.mark.slow
def test_a_training_with_every_loss_is_gone_on_with_to_the_same_bits(dataset, tmp_path):
    recipe = crosscam.load_recipe("mobilenetv2-xent", ALL)
    whole = crosscam.train(recipe, dataset, tmp_path / "whole")
    with pytest.raises(DataError, match="stopped"):
        crosscam.train(recipe, dataset, tmp_path / "stopped", watcher=Stopping())
    again = crosscam.train(recipe, dataset, tmp_path / "stopped", resume=True)
    assert again.card.weights_sha256 == whole.card.weights_sha256
    first, second = (load_checkpoint(RunFolder(run.folder))["losses"] for run in (whole, again))
    assert list(first) == ["parts.center.centers"]
    assert torch.equal(*(state["parts.center.centers"] for state in (first, second)))
    assert set(NAMES) <= set((whole.folder / "log.jsonl").read_text().replace('"', " ").split())
