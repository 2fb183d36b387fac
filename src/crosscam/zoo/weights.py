"""The weights that were published, by name: where they are, what they are, what is known of them.

Twelve files of August 2018: three models trained on four data sets. Their host seldom answers
today; who has copies can use them, by name or by path.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from crosscam.data.market1501 import TERMS as MARKET_TERMS
from crosscam.errors import WeightsError

_BASE_URL = "http://eecs.qmul.ac.uk/~kz303/deep-person-reid/model-zoo/image-models/"
_LICENCE = (
    "None was stated for the files; the code that made them is MIT. They were trained on pictures "
    "of real people, whose terms bind their use."
)
_RESEARCH = "Pictures of real people; for academic research only, and only as its authors allow."


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

    `sha256` is None where it is not known: then only the file's content is checked. `rank1` and
    `mean_ap` of the published table are in `crosscam.zoo.figures`, under `recipe` and the data.
    """

    name: str
    recipe: str
    architecture: str
    trained_on: TrainingData
    file_name: str
    url: str
    licence: str
    sha256: str | None


TRAINING_DATA: Mapping[str, TrainingData] = {
    data.name: data
    for data in (
        TrainingData("market1501", 751, 12_936, MARKET_TERMS),
        TrainingData("cuhk03", 767, 7_365, _RESEARCH),
        TrainingData(
            "dukemtmcreid",
            702,
            16_522,
            "Pictures of real people; withdrawn by its authors in 2019 and no longer offered. "
            "Think before you use what was trained on it, and say so where you do.",
        ),
        TrainingData("msmt17", 1_041, 30_248, _RESEARCH),
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


def find_weights(name: str) -> PublishedWeights:
    """The published weights of that name. Raises `WeightsError` that lists the known names."""
    if name not in WEIGHTS:
        raise WeightsError(f"unknown weights {name!r}; known are {', '.join(list_weights())}")
    return WEIGHTS[name]
