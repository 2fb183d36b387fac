"""The weights that were published, by name: where they are, what they are, what is known of them.

Twelve files of August 2018: three models trained on four data sets. Their host seldom answers
today; who has copies can use them, by name or by path.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from crosscam.data.about import About
from crosscam.data.cuhk03 import ABOUT as CUHK03
from crosscam.data.dukemtmcreid import ABOUT as DUKE
from crosscam.data.market1501 import ABOUT as MARKET
from crosscam.data.msmt17 import ABOUT as MSMT17

_BASE_URL = "http://eecs.qmul.ac.uk/~kz303/deep-person-reid/model-zoo/image-models/"
_LICENCE = (
    "None was stated for the files; the code that made them is MIT. They were trained on pictures "
    "of real people, whose terms bind their use."
)


@dataclass(frozen=True)
class TrainingData:
    """What weights were trained on: how many people and images, and by what terms."""

    name: str
    identities: int
    images: int
    terms: str


@dataclass(frozen=True)
class PublishedWeights:
    """One published file.

    `sha256` is None where it is not known: then only the file's content is checked. What it scored
    is in `crosscam.zoo.figures`, under its recipe and data.
    """

    name: str
    recipe: str
    architecture: str
    trained_on: TrainingData
    file_name: str
    url: str
    licence: str
    sha256: str | None


def _trained_on(name: str, about: About, variant: str = "") -> TrainingData:
    counts = about.counts[variant]
    return TrainingData(name, counts.train_pids, counts.train_images, about.terms)


TRAINING_DATA: Mapping[str, TrainingData] = {
    data.name: data
    for data in (
        _trained_on("market1501", MARKET),
        _trained_on("cuhk03", CUHK03, "detected"),
        _trained_on("dukemtmcreid", DUKE),
        _trained_on("msmt17", MSMT17, "v1"),
    )
}


def _published(architecture: str, data: TrainingData) -> PublishedWeights:
    file_name = f"{architecture}_xent_{data.name}.pth.tar"
    return PublishedWeights(
        name=f"{architecture}-xent-{data.name}",
        recipe=f"{architecture}-xent",
        architecture=architecture,
        trained_on=data,
        file_name=file_name,
        url=_BASE_URL + file_name,
        licence=_LICENCE,
        sha256=None,
    )


WEIGHTS: Mapping[str, PublishedWeights] = {
    weights.name: weights
    for architecture in ("resnet50", "densenet121", "hacnn")
    for weights in (_published(architecture, data) for data in TRAINING_DATA.values())
}


def list_weights() -> list[str]:
    """The names of the published weights, sorted."""
    return sorted(WEIGHTS)
