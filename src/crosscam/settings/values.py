"""The numbers that settings are made of, and the table that holds them.

Upper bounds are far beyond use; they keep a slip of the finger from looking like a crash.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, Strict

Count = Annotated[int, Strict(), Field(ge=1, le=10**6)]
CountOrNone = Annotated[int, Strict(), Field(ge=0, le=10**6)]
Pixels = Annotated[int, Strict(), Field(ge=1, le=4096)]
Share = Annotated[float, Strict(), Field(ge=0, le=1)]
PartialShare = Annotated[float, Strict(), Field(ge=0, lt=1)]
Positive = Annotated[float, Strict(), Field(gt=0, le=1e6)]
NotNegative = Annotated[float, Strict(), Field(ge=0, le=1e6)]
Flag = Annotated[bool, Strict()]


class Table(BaseModel):
    """A table of settings: unknown keys, other types and numbers that are not finite are refused.

    It raises pydantic's `ValidationError`, which a recipe turns into `RecipeError`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
