"""Putting a saved model on the Hub: its weights, its card and a page, and nothing else."""

import os

from crosscam.data import people
from crosscam.errors import WeightsError
from crosscam.weights.hub import HubPlace, import_hub, in_words
from crosscam.weights.hub_page import write_page
from crosscam.weights.saved import (
    CARD_FILE,
    WEIGHTS_FILE,
    ModelCard,
    card_text,
    load_saved,
    saved_folder,
)


def push_model(
    path: str | os.PathLike[str],
    place: HubPlace,
    *,
    private: bool = False,
    accept_terms: bool = False,
    licence: str | None = None,
    force: bool = False,
) -> str:
    """Put a saved model into a repository of the Hub, made if need be; returns the commit's page.

    `path` is a run's folder or its `model.safetensors`, which is checked whole before. `licence`
    stands in the card that goes up in the place of what `path` says. With `accept_terms` the caller
    says that the terms of the training data allow it: it is asked for unless the model is of the
    rendered people alone. A repository that has a model is left alone without `force`.

    Raises `WeightsError` if there is no such model, if the terms were not accepted, if a model is
    there, or if a private one is wanted where all see it; else as `fetch_model`.
    """
    if place.revision is not None:
        raise WeightsError(f"{place}: models are put on the main branch; leave @ and revision out")
    _, card = load_saved(path)
    if licence is not None:
        card = card.model_copy(update={"licence": licence})
    if not accept_terms:
        _refuse_terms(card)
    hub = import_hub()
    with in_words(hub, place):
        if hub.get_token() is None:
            raise WeightsError(
                f"{place}: there is no token of the Hub here; log in with `hf auth login`, or set "
                "HF_TOKEN"
            )
        api = hub.HfApi()
        if not api.repo_exists(place.repository):
            api.create_repo(place.repository, private=private)
        else:
            _refuse_repository(
                api.model_info(place.repository), place, private=private, force=force
            )
        contents = {
            WEIGHTS_FILE: str(saved_folder(path) / WEIGHTS_FILE),
            CARD_FILE: card_text(card).encode(),
            "README.md": write_page(card, place).encode(),
        }
        done = api.create_commit(
            place.repository,
            [hub.CommitOperationAdd(name, content) for name, content in contents.items()],
            commit_message=f"{card.architecture} of crosscam {card.crosscam}",
        )
        return str(done.commit_url)


def _refuse_terms(card: ModelCard) -> None:
    data = card.trained_on
    if data.terms == people.ABOUT.terms and data.initial_weights == "random":
        return
    start = "" if data.initial_weights in (None, "random") else f", from {data.initial_weights}"
    raise WeightsError(
        f"it was trained on {data.data}{start}; terms of the data: {data.terms} If they, and those "
        f"of its licence ({card.licence}), let you pass the weights on, say --accept-terms"
    )


def _refuse_repository(info: object, place: HubPlace, *, private: bool, force: bool) -> None:
    if private and not getattr(info, "private", False):
        raise WeightsError(
            f"{place} is there already, for all to see; make it private, or name another"
        )
    there = {file.rfilename for file in getattr(info, "siblings", None) or ()}
    if {WEIGHTS_FILE, CARD_FILE} & there and not force:
        raise WeightsError(f"{place} has a model already; --force puts this one in its place")
