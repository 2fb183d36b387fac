"""What stands at the end of a network in the place of its own end."""

from typing import Literal

from crosscam.settings.values import Table


class Head(Table):
    """Another end for a network, by name: what is between its map and the loss.

    name: "bnneck", the global average and a normalised neck between the features that triplets
        compare and those that are classified and tested; see `crosscam.models.heads`.
    """

    name: Literal["bnneck"]
