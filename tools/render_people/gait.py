"""Where the bones are at one moment of a walk: a gait written by hand, no motion capture."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from tools.render_people.bodies import BodyModel
from tools.render_people.draws import Array, pick
from tools.render_people.geometry import align, rotation
from tools.render_people.looks import Gait, Look

Rng = np.random.Generator
Aims = dict[str, tuple[str, Array]]  # a bone, the bone at its end, and where that is to be


@dataclass(frozen=True, kw_only=True)
class Pose:
    """What a gait is at one moment; `arms` says what the left and the right hand do."""

    gait: Gait
    stride: float
    swing: float
    head_turn: float
    arms: Mapping[str, str]


def draw_pose(rng: Rng, look: Look, *, still: bool) -> Pose:
    """A person's gait, with what the hands do this time."""
    head_turn = float(rng.normal(0, 16))
    arms = {side: pick(rng, ("swing", "phone", "pocket"), (8, 0.6, 0.8)) for side in "LR"}
    swing = look.gait.swing
    if look.bag == "backpack" and rng.random() < 0.15:
        arms[pick(rng, "LR")] = "strap"
    if look.bag == "hand":
        arms["L" if look.bag_side > 0 else "R"] = "swing"
        swing *= 0.4
    stride = look.gait.stride * (0.15 if still else 1)
    return Pose(gait=look.gait, stride=stride, swing=swing, head_turn=head_turn, arms=arms)


def joints(body: BodyModel, heads: Array, phase: float, pose: Pose) -> tuple[Array, Array]:
    """Turns (bones, 3, 3) and places (bones, 3) of the bones of a body with these `heads`.

    `phase` is in radians: a step of the left leg begins at 0, one of the right leg at pi.
    """
    aims = dict(_all_aims(phase, pose))
    turns_here = _turns(phase, pose)
    turns: list[Array] = []
    places = np.zeros((len(body.bones), 3))
    for number, name in enumerate(body.bones):
        parent = body.parents[number]
        own = turns_here.get(name)
        if parent < 0 or parent == number:
            turns.append(np.eye(3) if own is None else own)
            places[number] = heads[number]
            continue
        above = turns[parent]
        places[number] = places[parent] + above @ (heads[number] - heads[parent])
        turn = above if own is None else above @ own
        if name in aims:
            end, wanted = aims[name]
            along = heads[body.bone[f"{end}.{name[-1]}"]] - heads[number]
            turn = align(turn @ along, wanted) @ turn
        turns.append(turn)
    return np.stack(turns), places


def _turns(phase: float, pose: Pose) -> dict[str, Array]:
    """How the bones of the trunk and the head turn against the bone below them."""
    gait = pose.gait
    twist = pose.stride * 5 * np.cos(phase)
    head = rotation(2, pose.head_turn * 0.5) @ rotation(0, gait.nod * 0.5)
    return {
        "root": rotation(2, -twist) @ rotation(0, gait.lean),
        "spine03": rotation(2, twist * 1.2),
        "spine01": rotation(2, twist * 0.8) @ rotation(0, gait.stoop),
        "neck02": head,
        "head": head,
    }


def _all_aims(phase: float, pose: Pose) -> Iterator[tuple[str, tuple[str, Array]]]:
    for side, sign, shift in (("L", 1, 0.0), ("R", -1, np.pi)):
        moment = (phase + shift) % (2 * np.pi)
        for name, aim in (_leg(moment, sign, pose) | _arm(moment, side, sign, pose)).items():
            yield f"{name}.{side}", aim


def _direction(sideways: float, forwards: float) -> Array:
    """Down, tilted `forwards` by degrees."""
    angle = np.radians(forwards)
    return np.array([sideways, -np.sin(angle) * 1.0, -np.cos(angle)])


def _leg(p: float, sign: int, pose: Pose) -> Aims:
    amount = pose.stride
    hip = amount * 24 * np.cos(p) + 4 * amount
    knee = 4 + amount * (8 + 52 * np.exp(-(((p - 1.42 * np.pi) / (0.27 * np.pi)) ** 2)))
    heel = amount * (
        30 * np.exp(-(((p - 1.08 * np.pi) / (0.22 * np.pi)) ** 2))
        - 14 * np.exp(-(((p % (2 * np.pi)) / 0.5) ** 2))
        - 14 * np.exp(-(((p - 2 * np.pi) / 0.5) ** 2))
    )
    toe_out = np.radians(pose.gait.toe_out * sign)
    sole = np.radians(-heel - 12)  # the direction from ankle to toe points down a little
    toe = np.array([np.sin(toe_out) * 0.9, -np.cos(sole), np.sin(sole) - 0.18])
    return {
        "upperleg01": ("lowerleg01", _direction(0.03 * sign, hip)),
        "lowerleg01": ("foot", _direction(0.01 * sign, hip - knee)),
        "foot": ("toe3-1", toe),
    }


def _arm(p: float, side: str, sign: int, pose: Pose) -> Aims:
    amount, abduct = pose.stride, pose.gait.abduct
    match pose.arms[side]:
        case "phone":
            upper, lower = _direction(0.15 * sign, 25), _direction(-0.35 * sign, 120)
        case "pocket":
            upper, lower = _direction(0.28 * sign, -18), _direction(-0.22 * sign, 22)
        case "strap":
            upper, lower = _direction(0.25 * sign, 12), _direction(-0.75 * sign, 150)
        case _:
            swing = -amount * pose.swing * np.cos(p) + 2
            bend = 0.4 * abs(min(0, np.cos(p))) * pose.swing * amount
            upper = _direction(abduct * sign, swing)
            lower = _direction(abduct * 0.3 * sign, swing + pose.gait.elbow + bend)
    return {"upperarm01": ("lowerarm01", upper), "lowerarm01": ("wrist", lower)}
