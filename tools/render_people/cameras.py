"""How a camera sees. The order of the draws is part of what a seed means."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tools.render_people.draws import Array, pick

Rng = np.random.Generator
Front = tuple[str, Array]


@dataclass(frozen=True, kw_only=True)
class Site:
    """What the cameras of one set share: a district and a time of day."""

    ground: str
    ground_color: Array
    slab: float
    sun_height: float
    sun_strength: float
    sky: Array
    fronts: tuple[Front, ...]


@dataclass(frozen=True, kw_only=True)
class Camera:
    """One camera: place (metres), optics, light, colours, compression, and its street's seed.

    People are seen between `near` and `far` metres; `heading` is their main direction in degrees.
    """

    number: int
    height: float
    near: float
    far: float
    pixels: float
    spread: float
    heading: float
    scatter: float
    both_ways: float
    still: float
    sun: Array
    sun_strength: float
    sun_color: Array
    sky: Array
    exposure: Any  # a number; NumPy's float32 once it was set by the street's light
    balance: Array
    gamma: float
    contrast: float
    lift: float
    saturation: float
    blur: float
    motion: float
    noise: float
    sharpen: float
    quality: tuple[int, int]
    haze: float
    occlusion: float
    crowd: float
    fronts: tuple[Front, ...]
    ground: str
    slab: float
    ground_color: Array
    street_seed: int


def draw_site(rng: Rng) -> Site:
    """A district and a time of day."""
    materials = ("brick", "windows", "concrete", "leaves", "windows", "metal")
    return Site(
        ground=pick(rng, ("asphalt", "tiles", "concrete", "cobble", "tiles")),
        ground_color=rng.uniform(0.42, 0.58) + rng.normal(0, 0.015, 3),
        slab=float(rng.uniform(0.35, 0.9)),
        sun_height=float(rng.uniform(0.8, 2.0)),
        sun_strength=float(rng.uniform(0.6, 1.2)),
        sky=np.array([0.42, 0.46, 0.52]) * rng.uniform(0.9, 1.2),
        fronts=tuple(
            (pick(rng, materials), rng.uniform(0.38, 0.66) + rng.normal(0, 0.04, 3))
            for _ in range(3)
        ),
    )


def draw_camera(rng: Rng, index: int, count: int, site: Site) -> Camera:
    """Camera `index` (from 0) of `count`; exposures are spread over the cameras of a set."""
    sun = np.array([rng.normal(), rng.normal(), site.sun_height])
    warm = rng.normal(0, 0.05)
    level = np.linspace(0, 1, count)[(index * 5 + 2) % count]
    exposure = float(2 ** (0.4 * (level - 0.5) + rng.normal(0, 0.06)))
    return Camera(
        number=index + 1,
        height=float(rng.uniform(2.4, 5.4)),
        near=float(rng.uniform(5.0, 7.0)),
        far=float(rng.uniform(9.0, 15.0)),
        pixels=float(rng.uniform(700, 1250)),
        spread=float(rng.uniform(1.0, 3.0)),
        heading=float(rng.uniform(0, 180)),
        scatter=float(rng.uniform(8, 30)),
        both_ways=float(rng.uniform(0.25, 0.5)),
        still=float(rng.uniform(0, 0.25)),
        sun=sun / np.linalg.norm(sun),
        sun_strength=site.sun_strength * pick(rng, (0.4, 1.0, 1.0)),
        sun_color=np.array([1 + max(warm, -0.05), 1.0, 1 - max(warm, -0.05)]),
        sky=site.sky + rng.normal(0, 0.015, 3),
        exposure=exposure,
        balance=np.exp(np.array([warm, rng.normal(0, 0.025), -warm + rng.normal(0, 0.025)])),
        gamma=float(np.exp(rng.normal(0, 0.07))),
        contrast=float(rng.uniform(0.88, 1.12)),
        lift=float(rng.choice([0, 0, 0.03, 0.05])),
        saturation=float(rng.uniform(0.78, 1.2)),
        blur=float(rng.uniform(0.2, 1.0)),
        motion=float(rng.uniform(0, 2.0)),
        noise=float(rng.uniform(0.004, 0.02)),
        sharpen=float(rng.choice([0, 0, 0.5, 0.9])),
        quality=(int(rng.integers(68, 82)), int(rng.integers(86, 95))),
        haze=float(rng.choice([0, 0, 0, 0.05])),
        occlusion=float(rng.uniform(0.05, 0.22)),
        crowd=float(rng.uniform(0.1, 0.5)),
        fronts=site.fronts,
        ground=site.ground if rng.random() < 0.7 else "asphalt",
        slab=site.slab,
        ground_color=site.ground_color * rng.uniform(0.92, 1.08),
        street_seed=int(rng.integers(1 << 30)),
    )
