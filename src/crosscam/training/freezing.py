"""Training a model's end alone for a while, so that what was pre-trained is not spoilt first.

"Two-stepped transfer learning" (Geng et al., arXiv 1611.05244), as in the published OSNet recipes.
"""

from torch import nn

from crosscam.models.base import ReIDModel


def set_learning(model: ReIDModel, *, end_alone: bool) -> None:
    """Put a model in training mode; or all but its end in eval mode, learning nothing.

    Its end is what its `head_names` name. A frozen layer's BatchNorm and dropout work as in eval
    mode, and its parameters get no gradient.
    """
    model.train()
    if end_alone:
        _set_eval(model, "", model.head_names)
    for name, parameter in model.named_parameters():
        learns = not end_alone or name.startswith(model.head_names)
        if parameter.requires_grad != learns:
            parameter.requires_grad_(learns)
            parameter.grad = None


def _set_eval(module: nn.Module, prefix: str, heads: tuple[str, ...]) -> None:
    """Put all below `module` in eval mode that is not within the heads, nor around one."""
    for child, part in module.named_children():
        name = f"{prefix}{child}."
        if any(head.startswith(name) and head != name for head in heads):
            _set_eval(part, name, heads)
        elif not name.startswith(heads):
            part.eval()
