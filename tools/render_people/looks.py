"""How a person looks and walks. The order of the draws is part of what a seed means."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tools.render_people.draws import Array, pick, shade
from tools.render_people.racks import BAGS, BOTTOMS, HAIRS, SHOES, SKINS, TOPS, Pattern

Rng = np.random.Generator
Parts = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Gait:
    """How somebody walks: shares, and angles in degrees."""

    stride: float
    swing: float
    elbow: float
    abduct: float
    toe_out: float
    lean: float
    stoop: float
    nod: float


@dataclass(frozen=True, kw_only=True)
class Look:
    """A person. Colours are of 0 to 1; heights are canonical (see `bodies.py`), lengths metres."""

    phenotype: dict[str, float]
    skin: Array
    hair_color: Array
    hair: str
    hair_length: float
    beard: float
    top: Array
    top2: Array
    bottom: Array
    bottom2: Array
    pattern: int
    period: float
    sleeve: float
    sleeve_other: float
    hem: float
    neck_v: float
    open: float
    top_thick: float
    logo: int
    back_print: int
    logo_color: Array
    bottom_pattern: int
    leg_end: float
    bottom_thick: float
    flare: float
    skirt: str
    skirt_end: float
    skirt_flare: float
    tights: float
    shoe: Array
    shoe_top: float
    socks: float
    bag: str
    bag_color: Array
    bag_size: float
    bag_side: float
    hat: str
    hat_color: Array
    hair_thick: float
    hair_low: float
    gait: Gait


# What a look-alike has of the other, and what may be changed of it.
_SHARED = (
    *("top", "top2", "bottom", "bottom2", "pattern", "period", "sleeve", "sleeve_other", "hem"),
    *("open", "logo", "logo_color", "back_print", "bottom_pattern", "leg_end", "skirt"),
    *("skirt_end", "skirt_flare", "shoe", "shoe_top", "bag", "bag_color", "hat", "hair"),
)
_CHANGEABLE = ("top2", "shoe", "bag", "hat", "logo", "hair", "bottom")


def draw_look(rng: Rng, twin: Look | None = None) -> Look:
    """A person; with `twin`, dressed like that one but for up to two details."""
    parts = _body(rng)
    woman = parts["phenotype"]["gender"] > 0.5
    child = parts["phenotype"]["age"] < 0.5
    parts |= _hair(rng, woman=woman, child=child)
    parts |= _top(rng, woman=woman)
    parts |= _trousers(rng, woman=woman)
    parts |= _skirt_or_coat(rng, parts, woman=woman)
    parts |= _things(rng, woman=woman)
    if twin is not None:
        changed = rng.choice(_CHANGEABLE, 2, replace=False)
        parts |= {name: getattr(twin, name) for name in _SHARED if name not in changed}
    parts |= _hair_volume(parts["hair"], parts["hat"])
    return Look(**parts, gait=_gait(rng))


def _body(rng: Rng) -> Parts:
    """Gender is 0 for a man and 1 for a woman; one in twenty is a child."""
    gender = float(np.clip(rng.choice([0.05, 0.95]) + rng.normal(0, 0.08), 0, 1))
    child = rng.random() < 0.05
    age = float(rng.uniform(0.36, 0.45) if child else rng.triangular(0.58, 0.68, 0.98))
    return {
        "phenotype": {
            "gender": gender,
            "age": age,
            "muscle": float(rng.uniform(0.35, 0.75)),
            "weight": float(np.clip(rng.normal(0.5, 0.2), 0.15, 0.98)),
            "height": float(np.clip(rng.normal(0.5, 0.17), 0.15, 0.92)),
            "proportions": float(rng.uniform(0.3, 0.8)),
        }
    }


def _hair(rng: Rng, *, woman: bool, child: bool) -> Parts:
    grey = 1.5 if child else 2
    styles = ("short", "medium", "long", "tail", "bun", "bald")
    weights = (1, 2.5, 5, 3, 1.5, 0) if woman else (8, 2, 0.5, 0.3, 0.1, 1.2)
    return {
        "skin": shade(rng, pick(rng, SKINS, (3, 5, 5, 3, 2, 2)), 0.008, 0.04, 0.03),
        "hair_color": shade(rng, pick(rng, HAIRS, (6, 5, 5, 3, 2, 1, grey, 1)), 0.01, 0.04, 0.02),
        "hair": pick(rng, styles, weights),
        "hair_length": float(rng.uniform(0.26, 0.46)),
        "beard": 0.0 if woman or child else float(rng.random() < 0.25),
    }


def _top(rng: Rng, *, woman: bool) -> Parts:
    parts: Parts = {
        "top": shade(rng, pick(rng, TOPS)),
        "top2": shade(rng, pick(rng, TOPS)),
        "bottom": shade(rng, pick(rng, BOTTOMS)),
        "bottom2": shade(rng, pick(rng, TOPS)),
        "pattern": pick(rng, range(8), (10, 2.5, 0.8, 2, 0.7, 0.5, 2, 0.8)),
        "period": float(rng.uniform(0.055, 0.13)),
        "sleeve": pick(rng, (0.02, 0.42, 0.75, 0.98), (1.2 if woman else 0.4, 5, 1, 4.5)),
        "sleeve_other": float(rng.random() < 0.12),
        "hem": pick(rng, (-0.085, -0.04, 0.05), (5, 3, 2)),
        "neck_v": float(rng.random() < 0.2),
    }
    long_sleeves = parts["sleeve"] > 0.7
    parts["open"] = pick(rng, (0.0, 0.05, 0.09), (8, 1.2, 1)) if long_sleeves else 0.0
    thick = parts["sleeve"] > 0.9 and rng.random() < 0.5
    parts["top_thick"] = float(rng.uniform(0.016, 0.034) if thick else rng.uniform(0.007, 0.014))
    parts["logo"] = pick(rng, range(4), (7, 1.5, 1.2, 1))  # none, box, disc, band
    parts["back_print"] = pick(rng, range(3), (8, 1, 1))
    parts["logo_color"] = shade(rng, pick(rng, TOPS))
    return parts


def _trousers(rng: Rng, *, woman: bool) -> Parts:
    patterns = (
        *(Pattern.PLAIN, Pattern.JEANS, Pattern.SIDE_STRIPE, Pattern.CHECK),
        Pattern.CAMOUFLAGE,
    )
    parts: Parts = {
        "bottom_pattern": int(pick(rng, patterns, (8, 3 if woman else 4, 1.2, 0.4, 0.5))),
        "leg_end": pick(rng, (-0.82, -0.62, -0.37, -0.25), (8, 1, 2, 0.8 if woman else 0)),
    }
    tight = woman and rng.random() < 0.6
    parts["bottom_thick"] = float(rng.uniform(0.004, 0.010) if tight else rng.uniform(0.010, 0.020))
    parts["flare"] = float(rng.uniform(0, 1.2))
    return parts


def _skirt_or_coat(rng: Rng, top: Parts, *, woman: bool) -> Parts:
    """What changes for one in three women (a skirt or a dress) and some with long sleeves."""
    parts: Parts = {"skirt": "none", "skirt_end": -0.3, "skirt_flare": 0.1, "tights": 0.0}
    if woman and rng.random() < 0.34:
        parts["skirt"] = "skirt"
        parts["skirt_end"] = pick(rng, (-0.22, -0.40, -0.58), (2, 3, 1.5))
        parts |= {"skirt_flare": float(rng.uniform(0.05, 0.45)), "leg_end": -0.15, "hem": 0.07}
        parts["tights"] = float(rng.random() < 0.3)
        if rng.random() < 0.4:
            parts |= {"bottom": top["top"], "bottom_pattern": int(Pattern.DRESS)}
    elif top["sleeve"] > 0.9 and rng.random() < 0.16:
        parts |= {"skirt": "coat", "skirt_end": float(rng.uniform(-0.45, -0.22))}
        parts |= {"top_thick": max(top["top_thick"], 0.018), "open": 0.0}
    return parts


def _things(rng: Rng, *, woman: bool) -> Parts:
    return {
        "shoe": shade(rng, pick(rng, SHOES)),
        "shoe_top": pick(rng, (-0.785, -0.765, -0.60), (6, 3, 1.2 if woman else 0.4)),
        "socks": float(rng.random() < 0.4),
        "bag": pick(rng, ("none", "backpack", "shoulder", "hand"), (5.5, 2.6, 1.6, 1.2)),
        "bag_color": shade(rng, pick(rng, BAGS)),
        "bag_size": float(rng.uniform(0.75, 1.1)),
        "bag_side": float(rng.choice([-1, 1])),
        "hat": pick(rng, ("none", "cap", "beanie", "brim", "hood"), (9, 1, 0.6, 0.3, 0.9)),
        "hat_color": shade(rng, pick(rng, BAGS)),
    }


def _hair_volume(hair: str, hat: str) -> Parts:
    thick = {"bald": 0.0, "short": 0.012, "medium": 0.026}.get(hair, 0.018)
    low = {"bald": -0.5, "short": 0.0, "medium": 0.035}.get(hair, 0.02)
    if hat in {"cap", "beanie", "brim"}:
        return {"hair_thick": max(thick, 0.022), "hair_low": max(low, 0.0)}
    return {"hair_thick": thick, "hair_low": low}


def _gait(rng: Rng) -> Gait:
    return Gait(
        stride=float(rng.uniform(0.7, 1.1)),
        swing=float(rng.uniform(12, 30)),
        elbow=float(rng.uniform(8, 28)),
        abduct=float(rng.uniform(0.10, 0.24)),
        toe_out=float(rng.uniform(2, 14)),
        lean=float(rng.uniform(0, 4)),
        stoop=float(rng.uniform(-3, 7)),
        nod=float(rng.normal(4, 4)),
    )


_PAINT = (
    *("skin", "hair_color", "top", "top2", "bottom", "bottom2", "shoe", "logo_color"),
    *("bag_color", "hat_color", "sleeve", "sleeve_other", "hem", "neck_v", "open", "period"),
    *("leg_end", "shoe_top", "hair_low", "beard", "tights", "socks", "bag_side", "pattern"),
    *("bottom_pattern", "logo", "back_print"),
)


def paint(look: Look) -> Parts:
    """The look as the uniforms of the person's shader."""
    return {name: getattr(look, name) for name in _PAINT} | {
        "bag": ("none", "backpack", "shoulder", "hand").index(look.bag),
        "hat": ("none", "cap", "beanie", "brim", "hood").index(look.hat),
        "has_skirt": ("none", "coat", "skirt").index(look.skirt),
        "bald": float(look.hair == "bald" and look.hat in {"none", "hood"}),
    }
