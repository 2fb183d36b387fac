"""ImageNet weights for a start: those that the published rows started from.

They are torchvision's first ones; for NASNet-Mobile, which torchvision does not have, those of
Remi Cadene's collection; for networks with instance normalisation those of IBN-Net's authors; and
for transformers those that TransReID started from, timm's first ones and DeiT's.
A file is believed only if its SHA-256 begins as its name says.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from crosscam.errors import WeightsError
from crosscam.files import sha256_of
from crosscam.models.base import ReIDModel
from crosscam.weights.fitting import LoadedWeights, fit_weights
from crosscam.weights.reading import read_weights


@dataclass(frozen=True)
class ImageNetFile:
    """Where an architecture's ImageNet weights are, and how they become a model's.

    Attributes:
        url: its address; the name of the file ends in the first eight digits of its SHA-256.
        old_classifier: what the names of its classifier begin with, which is left out.
        new: what the names of a model's layers begin with that are not in it, and so stay as drawn.
    """

    url: str
    old_classifier: str
    new: tuple[str, ...] = ("classifier.",)

    @property
    def name(self) -> str:
        """The file's name."""
        return PurePosixPath(self.url).name

    @property
    def sha256(self) -> str:
        """The first eight digits of the file's SHA-256."""
        return PurePosixPath(self.url).stem.rsplit("-", 1)[1]


_TORCHVISION = "https://download.pytorch.org/models/"
_IBN_NET = "https://github.com/XingangPan/IBN-Net/releases/download/v1.0/"
_TIMM = "https://github.com/rwightman/pytorch-image-models/releases/download/"
_DEIT = "https://dl.fbaipublicfiles.com/deit/"
_RESNET_NEW = ("classifier.", "non_local")
_RESNET50 = f"{_TORCHVISION}resnet50-0676ba61.pth"

# By what `start_name` says.
IMAGENET_FILES: Mapping[str, ImageNetFile] = {
    "densenet121": ImageNetFile(f"{_TORCHVISION}densenet121-a639ec97.pth", "classifier."),
    "nasnetmobile": ImageNetFile(
        "http://data.lip6.fr/cadene/pretrainedmodels/nasnetamobile-7e03cead.pth", "last_linear."
    ),
    "resnet101": ImageNetFile(f"{_TORCHVISION}resnet101-63fe2227.pth", "fc.", _RESNET_NEW),
    "resnet101:ibn=a": ImageNetFile(f"{_IBN_NET}resnet101_ibn_a-59ea0ac6.pth", "fc.", _RESNET_NEW),
    "resnet101:ibn=b": ImageNetFile(f"{_IBN_NET}resnet101_ibn_b-c55f6dba.pth", "fc.", _RESNET_NEW),
    "resnet18": ImageNetFile(f"{_TORCHVISION}resnet18-f37072fd.pth", "fc."),
    "resnet18:ibn=a": ImageNetFile(f"{_IBN_NET}resnet18_ibn_a-2f571257.pth", "fc."),
    "resnet18:ibn=b": ImageNetFile(f"{_IBN_NET}resnet18_ibn_b-bc2f3c11.pth", "fc."),
    "resnet50": ImageNetFile(_RESNET50, "fc.", _RESNET_NEW),
    "resnet50:ibn=a": ImageNetFile(f"{_IBN_NET}resnet50_ibn_a-d9d0bb7b.pth", "fc.", _RESNET_NEW),
    "resnet50:ibn=b": ImageNetFile(f"{_IBN_NET}resnet50_ibn_b-9ca61e85.pth", "fc.", _RESNET_NEW),
    "resnet50_fc512": ImageNetFile(_RESNET50, "fc.", new=("classifier.", "fc.")),
    "resnet50m": ImageNetFile(_RESNET50, "fc.", new=("classifier.", "fc_fusion.")),
    "vit_base": ImageNetFile(f"{_TIMM}v0.1-vitjx/jx_vit_base_p16_224-80ecf9dd.pth", "head."),
    "vit_small": ImageNetFile(f"{_DEIT}deit_small_distilled_patch16_224-649709d9.pth", "head"),
    "vit_small_d8": ImageNetFile(f"{_TIMM}v0.1-weights/vit_small_p16_224-15ec54c9.pth", "head."),
}
_BUILT_ON: Mapping[str, str] = {"lightmbn_osnet": "osnet_x1_0"}

# Published in 2019 on a host that has no plain address for a file, and with no hash: to be fetched
# by hand, and checked like any file of weights.
_BY_HAND_AT = "https://drive.google.com/file/d/{}/view"
FETCHED_BY_HAND: Mapping[str, str] = {
    "mlfn": _BY_HAND_AT.format("1PP8Eygct5OF4YItYRfA3qypYY9xiqHuV"),
    "mobilenetv2_x1_4": _BY_HAND_AT.format("10c0ToIGIVI0QZTx284nJe8QfSJl5bIta"),
    "osnet_ain_x1_0": _BY_HAND_AT.format("1-CaioD9NaqbHK_kzSMW8VE4_3KcsRjEo"),
    "osnet_ibn_x1_0": _BY_HAND_AT.format("1sr90V6irlYYDd4_4ISU2iruoRG8J__6l"),
    "osnet_x0_25": _BY_HAND_AT.format("1rb8UN5ZzPKRc_xvtHlyDh-cSz88YX9hs"),
    "osnet_x0_5": _BY_HAND_AT.format("16DGLbZukvVYgINws8u8deSaOqjybZ83i"),
    "osnet_x0_75": _BY_HAND_AT.format("1uwA9fElHOk3ZogwbeY5GkLI6QPTX70Hq"),
    "osnet_x1_0": _BY_HAND_AT.format("1LaG1EJpHrxdAxKnSCJ_i0u-nbxSAeiFY"),
}


def start_name(name: str) -> str:
    """What a model's ImageNet weights go by: its name, with its switches that have others.

    Of a model that is built on another one's layers it is the other's.
    """
    plain, _, switches = name.partition(":")
    forms = [one for one in switches.split(",") if re.fullmatch("ibn=[ab]", one)]
    return ":".join((_BUILT_ON.get(plain, plain), *forms))


def file_by_hand(name: str, folder: Path) -> Path:
    """The ImageNet weights of an architecture in `FETCHED_BY_HAND`, if somebody put them there.

    Raises `WeightsError` that says what to get and where to put it.
    """
    start = start_name(name)
    file = folder / f"{start}_imagenet.pth"
    if not file.is_file():
        raise WeightsError(
            f"the ImageNet weights of {start} must be fetched by hand: get {FETCHED_BY_HAND[start]}"
            f" in a browser and put it at {file}, or give its path with --set weights=PATH; "
            "--set weights=none starts at random instead"
        )
    return file


def imagenet_file(name: str) -> ImageNetFile:
    """The ImageNet weights of the architecture `name`; `WeightsError` if there are none."""
    known_file = known_imagenet_file(name)
    if known_file is None:
        known = ", ".join(sorted(IMAGENET_FILES.keys() | FETCHED_BY_HAND.keys()))
        raise WeightsError(
            f"there are no ImageNet weights for {name}, only for {known}; use --set weights=none, "
            "or give a path"
        )
    return known_file


def known_imagenet_file(name: str) -> ImageNetFile | None:
    """The ImageNet weights of the architecture `name`, whatever its other switches are."""
    return IMAGENET_FILES.get(start_name(name))


def load_imagenet(model: ReIDModel, name: str, path: Path) -> LoadedWeights:
    """Put the ImageNet weights of the architecture `name`, from the file at `path`, into `model`.

    Raises `WeightsError` if there are none for this architecture, or if the file's hash is wrong.
    """
    known = imagenet_file(name)
    found = sha256_of(path)
    if not found.startswith(known.sha256):
        raise WeightsError(
            f"{path} is not {known.name}: its SHA-256 begins with {found[:8]}; "
            "the file is broken or another one: remove it and get it again"
        )
    weights = {
        key: value
        for key, value in read_weights(path).items()
        if not key.startswith(known.old_classifier)
    }
    adapted = model.adapt_start(weights)
    return fit_weights(model, adapted, source=str(path), new=known.new)


def is_imagenet_name(name: str, weights: object) -> bool:
    """Whether `weights` asks for ImageNet weights by a name, not by a path."""
    known = known_imagenet_file(name)
    return weights in ("imagenet", "IMAGENET1K_V1", known.name if known else None)


def is_imagenet_file(name: str, path: Path) -> bool:
    """Whether the file at `path` is the one for `name`, by its hash, or claims to be."""
    known = known_imagenet_file(name)
    if known is None or not path.is_file():
        return False
    return path.name == known.name or sha256_of(path).startswith(known.sha256)
