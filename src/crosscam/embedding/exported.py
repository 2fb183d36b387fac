"""What an exported model says of itself: the card in its metadata."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from crosscam.choices import Precision
from crosscam.weights.saved import ModelCard

METADATA_KEY = "crosscam"


class ExportCard(BaseModel):
    """The metadata of an exported model, as JSON under the key "crosscam".

    `card` is that of the model that was exported, with its metric, preprocessing and calibration.
    `has_preprocessing` says whether the input is uint8 RGB, (N, height, width, 3), of the model's
    size, or float32, (N, 3, height, width), resized and normalised. `precision` is what was asked
    for; `cost` says, for one other than float32, what it cost: figures by name, such as the mAP
    before and after and on which data. `cameras` are those that the model tells apart, whose
    numbers its second input takes, None where it has no such input; any other number is of no
    camera.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    card: ModelCard
    opset: int | None
    has_preprocessing: bool = False
    precision: Precision = "float32"
    cost: dict[str, float | str] | None = None
    cameras: tuple[int, ...] | None = None

    def to_json(self) -> str:
        """What stands in the metadata: a model without cameras says nothing of them."""
        if self.cameras is not None:
            return self.model_dump_json()
        return self.model_dump_json(exclude={"cameras": True, "card": {"num_cameras"}})
