"""Operations on pictures against timm's and torchvision's, level by level."""

import importlib

import numpy as np
import pytest
from PIL import Image
from timm_models import import_timm

from crosscam.data import auto_augment as ours
from crosscam.data import operations
from crosscam.data.auto_augment import IMAGENET_POLICY, apply_policy

pytestmark = pytest.mark.slow  # importing timm takes seconds

NAMES = {
    "shear x": "ShearX",
    "rotate": "Rotate",
    "posterize": "PosterizeOriginal",
    "solarize": "Solarize",
    "saturation": "Color",
    "contrast": "Contrast",
    "sharpness": "Sharpness",
    "autocontrast": "AutoContrast",
    "equalize": "Equalize",
    "invert": "Invert",
}
# RandAugment's operations, in its order, by the names under which timm has the same ranges.
RANDOM = (
    *(None, "ShearX", "ShearY", "TranslateXRel", "TranslateYRel", "Rotate"),
    *("BrightnessIncreasing", "ColorIncreasing", "ContrastIncreasing", "SharpnessIncreasing"),
    *(None, "SolarizeIncreasing", "AutoContrast", "Equalize"),
)


def picture():
    rng = np.random.default_rng(0)
    small = Image.fromarray(rng.integers(20, 230, (12, 6, 3), dtype=np.uint8))
    return small.resize((24, 48), Image.Resampling.BICUBIC)


@pytest.fixture(scope="module")
def theirs():
    import_timm()
    return importlib.import_module("timm.data.auto_augment")


def their_pictures(theirs, name, level, monkeypatch):
    """What timm makes of the picture, to either side."""
    hparams = {"interpolation": Image.Resampling.BILINEAR, "img_mean": (128, 128, 128)}
    operation = theirs.AugmentOp(name, prob=1.0, magnitude=level, hparams=hparams)
    made = []
    for draw in (0.0, 1.0):
        monkeypatch.setattr(theirs.random, "random", lambda draw=draw: draw)
        made.append(operation(picture()))
    return made


def test_the_policy_is_timms_original(theirs):
    policy = theirs.auto_augment_policy_original(theirs._HPARAMS_DEFAULT)
    functions = {NAMES[name]: theirs.NAME_TO_OP[NAMES[name]] for name in NAMES}
    expected = [[(op.aug_fn, op.prob, op.magnitude) for op in pair] for pair in policy]
    found = [
        [(functions[NAMES[name]], p, level) for name, p, level in pair] for pair in IMAGENET_POLICY
    ]
    assert found == expected


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("level", [0, 3, 9])
def test_an_operation_of_the_policy_is_timms(theirs, name, level, monkeypatch):
    expected = their_pictures(theirs, NAMES[name], level, monkeypatch)
    for sign, their in zip((1, -1), expected, strict=True):
        assert apply_policy(picture(), name, level, sign) == their


@pytest.mark.parametrize("place", [place for place, name in enumerate(RANDOM) if name])
def test_an_operation_of_rand_augment_is_timms(theirs, place, monkeypatch):
    operation = ours._RANDOM_OPERATIONS[place]
    for tenths in (3, 9):
        expected = their_pictures(theirs, RANDOM[place], tenths, monkeypatch)
        for sign, their in zip((1, -1), expected, strict=True):
            assert operation(picture(), tenths / 10, sign) == their


@pytest.mark.parametrize(
    ("name", "strengths"),
    [
        ("hue", (-0.5, -0.1, -0.03, 0.0, 0.07, 0.25, 0.5)),
        ("brightness", (0.5, 0.9, 1.3, 2.0)),
        ("contrast", (0.5, 0.9, 1.3, 2.0)),
        ("saturation", (0.5, 0.9, 1.3, 2.0)),
    ],
)
def test_colours_are_changed_as_by_torchvision(name, strengths):
    import_timm()  # torchvision can be imported then
    theirs = importlib.import_module("torchvision.transforms.functional")
    for strength in strengths:
        found = np.asarray(getattr(operations, name)(picture(), strength))
        expected = np.asarray(getattr(theirs, f"adjust_{name}")(picture(), strength))
        np.testing.assert_array_equal(found, expected)
