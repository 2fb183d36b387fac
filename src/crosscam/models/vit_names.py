"""Weights of vision transformers by other hands under our names, and for our grid of patches."""

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from crosscam.errors import WeightsError
from crosscam.models.positions import Grid, guess_grid, resize_positions

_OTHER_ENDS = ("head.", "head_dist.", "fc.", "fc_norm.", "pre_logits.")
_JIGSAW = "jigsaw."
_CAMERAS = "camera_embedding."
_BASE = "base."
_TRANSREID = (
    (r"^base\.sie_embed$", "camera_embedding.weight"),
    (r"^base\.", ""),
    (r"^b1\.1\.", "norm."),
    (r"^b2\.0\.", "jigsaw.block."),
    (r"^b2\.1\.", "jigsaw.norm."),
    (r"^bottleneck\.", "neck.norm."),
    (r"^bottleneck_1\.", "jigsaw.necks.0.norm."),
    (r"^bottleneck_2\.", "jigsaw.necks.1.norm."),
    (r"^bottleneck_3\.", "jigsaw.necks.2.norm."),
    (r"^bottleneck_4\.", "jigsaw.necks.3.norm."),
    (r"^classifier_1\.", "jigsaw.classifiers.0."),
    (r"^classifier_2\.", "jigsaw.classifiers.1."),
    (r"^classifier_3\.", "jigsaw.classifiers.2."),
    (r"^classifier_4\.", "jigsaw.classifiers.3."),
)
_MASKS = ("mask_token", "masked_embed")  # of pre-training by masked patches


def own_weights(
    weights: Mapping[str, Tensor],
    *,
    own: Mapping[str, Tensor],
    last: int,
    grid: Grid,
    known_grids: tuple[Grid, ...],
) -> dict[str, Tensor]:
    """Weights by timm's names as those of a model that has `own`, with `last` + 1 blocks.

    Ends for other tasks are left out, and what is for masked patches and for distillation; the
    embedding of positions is resized to `grid`; models trained by TransReID's code become ours; a
    jigsaw branch begins as the last block does; and cameras as they are in the model, where the
    file is not of as many. Raises `WeightsError` where the grid of the file cannot be told.
    """
    if any(name.startswith(_BASE) for name in weights):
        weights = _of_transreid(weights, own, last)
    dropped = tuple(
        end for end in (*_OTHER_ENDS, _JIGSAW) if not any(name.startswith(end) for name in own)
    )
    taken = {
        name: value
        for name, value in weights.items()
        if not name.startswith(dropped) and name not in (*_MASKS, "dist_token")
    }
    _take_own_cameras(taken, own)
    if "pos_embed" in taken:
        distilled = "dist_token" in weights
        taken["pos_embed"] = _positions(taken["pos_embed"], grid, known_grids, distilled=distilled)
    sources = {"jigsaw.block.": f"blocks.{last}.", "jigsaw.norm.": "norm."}
    for branch, source in sources.items():
        for name in own:
            copied = source + name.removeprefix(branch)
            if name.startswith(branch) and name not in taken and copied in taken:
                taken[name] = taken[copied]
    return taken


def _of_transreid(
    weights: Mapping[str, Tensor], own: Mapping[str, Tensor], last: int
) -> dict[str, Tensor]:
    """Weights as TransReID's code, and what is built on it, saves those of a trained model."""
    with_jigsaw = any(name.startswith("b1.") for name in weights)
    unused = (f"{_BASE}blocks.{last}.", f"{_BASE}norm.") if with_jigsaw else ()
    names = (*_TRANSREID, (r"^b1\.0\.", f"blocks.{last}."))
    taken: dict[str, Tensor] = {}
    for theirs, value in weights.items():
        name = theirs
        for pattern, replacement in names:
            name = re.sub(pattern, replacement, name)
        is_end = name.startswith(("neck.", "classifier."))
        if theirs.startswith((*unused, f"{_BASE}gem.")) or (is_end and name not in own):
            continue
        if re.fullmatch(r"(neck|jigsaw\.necks\.\d)\.norm\.bias", name):
            continue  # which is not learned
        taken[name] = value.squeeze(1) if name == f"{_CAMERAS}weight" else value
    if f"{_CAMERAS}camids" in own:
        taken.setdefault(f"{_CAMERAS}camids", own[f"{_CAMERAS}camids"])
    return taken


def _take_own_cameras(taken: dict[str, Tensor], own: Mapping[str, Tensor]) -> None:
    """Put the model's cameras in the place of others in a file, unless they are as many."""
    weight = f"{_CAMERAS}weight"
    if weight in own and weight in taken and own[weight].shape == taken[weight].shape:
        return
    for name in [name for name in taken if name.startswith(_CAMERAS)]:
        del taken[name]
    taken.update({name: value for name, value in own.items() if name.startswith(_CAMERAS)})


def _positions(
    embedding: Tensor, grid: Grid, known_grids: tuple[Grid, ...], *, distilled: bool
) -> Tensor:
    """The embedding of positions, (1, 1 + h * w, C), of a file for the grid of the model."""
    if embedding.ndim != 3 or len(embedding) != 1:
        return embedding  # which is refused by its shape
    if distilled:
        embedding = torch.cat([embedding[:, :1], embedding[:, 2:]], dim=1)
    count = embedding.shape[1] - 1
    old = guess_grid(count, (grid, *known_grids))
    if old is None:
        raise WeightsError(
            f"its pos_embed is of {count} patches, and the grid that they make cannot be told; "
            "resize it to that of this model first"
        )
    return resize_positions(embedding, old, grid)
