"""The page of a model on the Hub: what its card says, in words."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from crosscam.screen import printable
from crosscam.weights.hub import HubPlace
from crosscam.weights.saved import ModelCard

_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~$!&])")
_FIGURES = {"rank1": "Rank-1", "rank5": "Rank-5", "rank10": "Rank-10", "mAP": "mAP", "mINP": "mINP"}
_HEAD = """---
library_name: crosscam
pipeline_tag: image-feature-extraction
license: other
license_name: stated-on-this-page
tags:
- person-re-identification
- re-identification
- safetensors
---
"""


def write_page(card: ModelCard, place: HubPlace) -> str:
    """The README.md of a model: its licence, training data and terms, scores, and how it is used.

    Whatever the card says is shown as text, never as markup.
    """
    return _HEAD + "\n".join(_lines(card, place)) + "\n"


def _lines(card: ModelCard, place: HubPlace) -> Iterator[str]:
    data = card.trained_on
    yield f"# {_text(card.architecture)}, trained on {_text(data.data)}"
    yield ""
    yield "Features of pictures of people, by which a person is recognised again across cameras."
    yield ""
    yield f"- Licence: {_text(card.licence)}"
    if card.source is not None:
        yield f"- The weights are from: {_text(card.source)}"
    yield f"- Trained on: {_text(data.data)}{_counts(card)}"
    yield f"- Terms of these data: {_text(data.terms)}"
    yield f"- Weights before training: {_text(data.initial_weights or 'not known')}"
    yield f"- Input: {card.input.height} x {card.input.width} pixels, height x width"
    yield f"- Features: {card.feature_dim} numbers, compared by {card.metric}"
    yield f"- SHA-256 of `model.safetensors`: `{_text(card.weights_sha256)}`"
    yield ""
    yield "```python"
    yield "import crosscam  # pip install 'crosscam[hub]'"
    yield ""
    yield f'embedder = crosscam.load_embedder("{place}")'
    yield 'features = embedder.embed(["one.jpg", "other.jpg"])'
    yield "```"
    yield from _scores(card.scores)


def _counts(card: ModelCard) -> str:
    data = card.trained_on
    counted = ((data.images, "images"), (data.identities, "people"))
    known = [f"{count:,} {what}" for count, what in counted if count is not None]
    return f" ({', '.join(known)})" if known else ""


def _scores(scores: Mapping[str, Any]) -> Iterator[str]:
    """A table of the tests that the card has figures of."""
    tests = {
        name: found
        for name, found in scores.items()
        if isinstance(found, dict) and all(isinstance(found.get(key), float) for key in _FIGURES)
    }
    if not tests:
        return
    yield ""
    yield f"| tested on | {' | '.join(_FIGURES.values())} |"
    yield "|---" * (1 + len(_FIGURES)) + "|"
    for name, found in tests.items():
        figures = (f"{100 * found[key]:.1f} %" for key in _FIGURES)
        yield f"| {_text(name)} | {' | '.join(figures)} |"


def _text(words: str) -> str:
    return _MARKUP.sub(r"\\\1", printable(words))
