"""The backbone in a file of self-supervised training, such as DINO's (Caron et al., ICCV 2021).

Such files hold the weights of a student and of a teacher, the moving average that is used. Each is
a backbone, under `backbone.`, and a projection that nobody needs afterwards, under `head.`; before
all names there may be `module.`.
"""

from crosscam.models.base import ReIDModel
from crosscam.weights.reading import StateDict

TEACHER = "teacher"
_BACKBONE, _PARALLEL = "backbone.", "module."
_OTHER_ENDS = ("head.", "head_dist.", "fc.", "pre_logits.")


def take_backbone(weights: StateDict, model: ReIDModel) -> tuple[StateDict, tuple[str, ...]]:
    """Of weights those of the backbone, under the names of `model`; and what was done, in words.

    They are what was given where they hold no backbone of another network, but the model's own
    names, or something else.
    """
    own = model.state_dict().keys()
    plain = {name.removeprefix(_PARALLEL): value for name, value in weights.items()}
    if plain.keys() <= own:
        return weights, ()
    inner = {
        name.removeprefix(_BACKBONE): value
        for name, value in plain.items()
        if name.startswith(_BACKBONE)
    }
    is_projected = all(name.startswith((_BACKBONE, *_OTHER_ENDS)) for name in plain)
    if inner and is_projected:
        left = len(plain) - len(inner)
        notes = (f"the backbone was taken, and its other end, {left} tensors, left out",)
        return _as_own(inner, model), notes if left else ()
    if inner or not any(f"{_BACKBONE}{name}" in own for name in plain):
        return weights, ()
    return _as_own(plain, model), ()


def _as_own(backbone: StateDict, model: ReIDModel) -> StateDict:
    """A backbone's weights by the names of a model that has it as `backbone`, or is it."""
    own = model.state_dict().keys()
    if not any(f"{_BACKBONE}{name}" in own for name in backbone):
        return backbone
    return {
        f"{_BACKBONE}{name}": value
        for name, value in backbone.items()
        if f"{_BACKBONE}{name}" in own or not name.startswith(_OTHER_ENDS)
    }
