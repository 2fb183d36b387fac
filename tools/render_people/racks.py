"""What is hung up to choose from: colours and patterns. Racks are small, so look-alikes are common.

A colour stands as often as it is common, or has its weight beside it where it is chosen.
"""

from enum import IntEnum


class Pattern(IntEnum):
    """The patterns of cloth; the shader in `person_shader.py` knows them by number."""

    PLAIN = 0
    ROWS = 1
    COLUMNS = 2
    CHECK = 3
    DOTS = 4
    CAMOUFLAGE = 5
    BLOCK = 6
    FADE = 7
    JEANS = 8  # trousers only
    SIDE_STRIPE = 9  # trousers only
    DRESS = 10  # a skirt of the cloth of the top


SKINS = (
    (236, 200, 176),
    (224, 180, 150),
    (205, 160, 125),
    (178, 128, 94),
    (140, 95, 66),
    (92, 60, 44),
)
HAIRS = (
    (22, 18, 16),
    (34, 26, 22),
    (58, 40, 28),
    (92, 62, 38),
    (150, 112, 68),
    (120, 60, 34),
    (130, 128, 126),
    (196, 194, 190),
)
TOPS = (
    (24, 24, 27),
    (24, 24, 27),
    (236, 236, 232),
    (228, 226, 220),
    (120, 122, 126),
    (72, 76, 84),
    (32, 42, 74),
    (44, 74, 128),
    (124, 164, 204),
    (158, 34, 38),
    (196, 70, 92),
    (46, 92, 62),
    (112, 118, 72),
    (212, 178, 60),
    (146, 118, 84),
    (96, 62, 112),
    (210, 112, 52),
    (90, 60, 44),
)
BOTTOMS = (
    (28, 28, 32),
    (28, 28, 32),
    (40, 52, 84),
    (62, 84, 124),
    (62, 84, 124),
    (104, 132, 168),
    (96, 98, 102),
    (172, 152, 118),
    (222, 220, 212),
    (84, 78, 52),
    (70, 46, 38),
    (120, 40, 46),
)
SHOES = (
    (24, 24, 26),
    (24, 24, 26),
    (232, 232, 230),
    (232, 232, 230),
    (110, 72, 46),
    (120, 122, 126),
    (170, 40, 44),
    (44, 66, 120),
    (206, 176, 140),
)
BAGS = (
    (24, 24, 27),
    (24, 24, 27),
    (44, 58, 96),
    (130, 40, 42),
    (120, 84, 54),
    (110, 112, 116),
    (66, 92, 60),
    (222, 206, 176),
    (206, 120, 44),
)
