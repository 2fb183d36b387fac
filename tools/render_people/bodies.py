"""The body model as plain arrays: Anny, a parametric body (https://github.com/naver/anny).

Body frame at rest: metres, x = the person's left, -y = forwards, z = up, hip joints at z = 0.
"Canonical" coordinates are those of the average body at rest. Clothes are painted in them, so that
a sleeve ends at the same place of the arm for every body.
"""

import fcntl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tools.render_people.draws import Array, Floats
from tools.render_people.geometry import Faces

_ARM = ("upperarm01", "lowerarm01", "wrist", "finger3-1")


class BodyModel:
    """Anny, asked for bodies at rest only.

    Loading takes seconds, and minutes the first time, when Anny builds its cache; processes that
    load at once wait for each other. Nothing is fetched.
    """

    faces: Faces  # (m, 3)
    weights: Floats  # (n, bones): how far each vertex follows each bone
    canonical: Array  # (n, 3)
    arm: Floats  # (n,): 0 at the shoulder, 1 at the wrist, above 1 on the hand, -1 off the arm

    def __init__(self) -> None:
        self._model = model = _load_anny()
        self.bones = [str(label) for label in model.bone_labels]
        self.bone = {name: number for number, name in enumerate(self.bones)}
        self.parents = [int(parent) for parent in model.bone_parents]
        self.faces = model.faces.numpy().astype(np.int64)
        self.weights = _dense_weights(model)
        middle = dict.fromkeys(model.phenotype_labels, 0.5)
        self.canonical, heads = self.rest(middle)
        self.arm = self._arm_parameter(heads)
        self.head_weight = self._weight_of("neck", "head", "eye")
        self.hand_weight = self._weight_of("wrist", "finger", "metacarpal")

    def rest(self, phenotype: Mapping[str, float]) -> tuple[Array, Array]:
        """Vertices (n, 3) and heads of the bones (bones, 3) of a body at rest.

        This is the part of Anny's forward pass that a body at rest needs: no bone is turned.
        """
        model = self._model
        with torch.inference_mode():
            shape = model.get_phenotype_blendshape_coefficients(**phenotype)
            vertices = model.get_rest_vertices(shape)[0]
            offsets = torch.einsum("cpd, bc -> bpd", model.bone_heads_blendshapes, shape)
            heads = (model.template_bone_heads[None] + offsets)[0]
        return vertices.numpy().astype(np.float64), heads.numpy().astype(np.float64)

    def _weight_of(self, *prefixes: str) -> Floats:
        chosen = [number for number, name in enumerate(self.bones) if name.startswith(prefixes)]
        return np.asarray(self.weights[:, chosen].sum(1))

    def _arm_parameter(self, heads: Array) -> Floats:
        on_arm = self._weight_of("upperarm", "lowerarm", "wrist", "finger", "metacarpal")
        arm = np.full(len(self.canonical), -1.0, np.float32)
        for side in "LR":
            joints = [heads[self.bone[f"{name}.{side}"]] for name in _ARM]
            same_side = np.sign(self.canonical[:, 0]) == np.sign(joints[0][0])
            mine = (on_arm > 0.5) & same_side
            arm[mine] = _along(self.canonical, joints)[mine]
        return arm


def _along(points: Array, joints: list[Array]) -> Array:
    """How far along the arm's three bones each point (n, 3) is: 0, 0.5, 1 at the joints, and on."""
    nearest = np.full(len(points), np.inf)
    parameter = np.zeros(len(points))
    for number, (start, end) in enumerate(pairwise(joints)):
        bone = end - start
        share = np.clip((points - start) @ bone / (bone @ bone), 0, 1 if number < 2 else 3)
        distance = np.linalg.norm(points - start - share[:, None] * bone, axis=1)
        nearer = distance < nearest
        nearest[nearer] = distance[nearer]
        parameter[nearer] = (0.0, 0.5, 1.0)[number] + share[nearer] * 0.5
    return parameter


def _dense_weights(model: Any) -> Floats:
    index, weight = model.vertex_bone_indices.numpy(), model.vertex_bone_weights.numpy()
    weights = np.zeros((len(index), model.bone_count), np.float32)
    np.add.at(weights, (np.arange(len(index))[:, None], index), weight)
    return weights


def _load_anny() -> Any:
    import anny  # noqa: PLC0415 - takes seconds to import
    from anny.paths import get_anny_cache_path  # noqa: PLC0415

    torch.set_num_threads(1)
    with _alone(Path(get_anny_cache_path())):  # skinning is not used; "lbs" needs no more parts
        return anny.Anny(skinning_method="lbs").to(dtype=torch.float32)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until no other process is in here for the same folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".render_people.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
