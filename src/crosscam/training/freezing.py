"""Training the classifiers alone for some epochs, so that what was pre-trained is not spoilt first.

"Two-stepped transfer learning" (Geng et al., arXiv 1611.05244), as in the published OSNet recipes.
"""

from torch import nn

from crosscam.models.base import ReIDModel


def set_learning(model: ReIDModel, *, classifiers_alone: bool) -> None:
    """Put a model in training mode; or all but its classifiers in eval mode, learning nothing.

    A frozen layer's BatchNorm and dropout work as in eval mode, and its parameters get no gradient.
    """
    model.train()
    for name, part in model.named_children():
        is_learning = not classifiers_alone or f"{name}.".startswith(model.training_only)
        part.train(is_learning)
        _require_gradients(part, is_learning)


def _require_gradients(part: nn.Module, is_learning: bool) -> None:  # noqa: FBT001
    for parameter in part.parameters():
        if parameter.requires_grad != is_learning:
            parameter.requires_grad_(is_learning)
            parameter.grad = None
