"""Models of the Hugging Face Hub: their addresses, and fetching one into the Hub's cache."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from crosscam.errors import CrosscamError, DownloadError, WeightsError
from crosscam.extras import import_extra
from crosscam.screen import printable
from crosscam.weights.saved import CARD_FILE, WEIGHTS_FILE

HUB = "hf://"
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9])?"
_PLACE = re.compile(rf"hf:/+({_NAME}/{_NAME})(?:@([A-Za-z0-9][A-Za-z0-9._/-]{{0,199}}))?")
_TELEMETRY = ("HF_HUB_DISABLE_TELEMETRY", "DISABLE_TELEMETRY", "DO_NOT_TRACK")
_LONGEST = 300
_REFUSALS = {
    "GatedRepoError": "is gated: ask for access on its page, and log in with `hf auth login`",
    "RepositoryNotFoundError": "is not there, or you may not see it: look at its name; for a "
    "private one log in with `hf auth login`, or set HF_TOKEN",
    "RevisionNotFoundError": "is not there: its repository has no such branch, tag or commit",
    "RemoteEntryNotFoundError": f"is no model of crosscam: it lacks {CARD_FILE} or {WEIGHTS_FILE}, "
    "which `crosscam push` writes",
}


class HubPlace(NamedTuple):
    """A repository, "owner/name", and a branch, tag or commit of it, None for the main branch."""

    repository: str
    revision: str | None

    def __str__(self) -> str:
        return f"{HUB}{self.repository}" + (f"@{self.revision}" if self.revision else "")


def is_hub(name: str | os.PathLike[str]) -> bool:
    """Whether a model's name is an address of the Hub, also as a `Path` writes it."""
    return os.fspath(name).startswith(("hf:/", "hf:\\"))


def parse_place(name: str | os.PathLike[str]) -> HubPlace:
    """What `hf://owner/name` or `hf://owner/name@revision` means. Raises `WeightsError`."""
    text = os.fspath(name)
    found = _PLACE.fullmatch(text.replace("\\", "/"))
    if found is None or ".." in text or "--" in found[1]:
        raise WeightsError(
            f"{printable(text)} is no address of the Hub; it is hf://owner/name, or "
            "hf://owner/name@revision for a branch, a tag or a commit"
        )
    return HubPlace(found[1], found[2])


def fetch_model(place: HubPlace) -> Path:
    """The folder, in the Hub's own cache, with the model's card and weights, both of one commit.

    Nothing else of the repository is fetched. Without a network it is what is in the cache. Whether
    the weights are those that the card describes is not looked at here. Raises `WeightsError` if
    there is no such model, `DownloadError` if it cannot be fetched, and `ExtraError` without
    huggingface_hub.
    """
    hub = import_hub()
    with in_words(hub, place):
        card = Path(hub.hf_hub_download(place.repository, CARD_FILE, revision=place.revision))
        commit = card.parent.name
        hub.hf_hub_download(place.repository, WEIGHTS_FILE, revision=commit)
    return card.parent


def import_hub() -> Any:
    """The package `huggingface_hub`, with its telemetry off unless the user said otherwise."""
    is_said = any(name in os.environ for name in _TELEMETRY)
    if not is_said:
        os.environ[_TELEMETRY[0]] = "1"
    hub = import_extra("huggingface_hub", extra="hub", purpose="a model of the Hugging Face Hub")
    if not is_said:
        hub.constants.HF_HUB_DISABLE_TELEMETRY = True  # also where it was imported before
    return hub


@contextmanager
def in_words(hub: Any, place: HubPlace) -> Iterator[None]:
    """Whatever the Hub's client raises, as one line that says what to do.

    While entered, it logs nothing, and shows its bars on a terminal alone.
    """
    level, shows_bars = hub.logging.get_verbosity(), not hub.utils.are_progress_bars_disabled()
    hub.logging.set_verbosity_error()
    if shows_bars and not sys.stderr.isatty():
        hub.utils.disable_progress_bars()
    try:
        yield
    except (CrosscamError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - it raises what its parts raise, too
        raise _explained(error, place) from None
    finally:
        hub.logging.set_verbosity(level)
        if shows_bars:
            hub.utils.enable_progress_bars()


def _explained(error: Exception, place: HubPlace) -> CrosscamError:
    errors = import_extra("huggingface_hub.errors", extra="hub", purpose="a model of the Hub")
    cause = error.__cause__
    if isinstance(error, errors.LocalEntryNotFoundError) and isinstance(
        cause, errors.HfHubHTTPError
    ):
        error, cause = cause, None
    status = getattr(getattr(error, "response", None), "status_code", None)
    words = _in_a_row(error) + (f": {_in_a_row(cause)}" if isinstance(cause, Exception) else "")
    for kind, refusal in _REFUSALS.items():  # what is special comes first
        if isinstance(error, getattr(errors, kind)):
            return WeightsError(f"{place} {refusal}")
    if isinstance(error, errors.LocalEntryNotFoundError):
        return DownloadError(
            f"{place} is not in the Hub's cache on this machine, and the Hub cannot be reached; go "
            "online, or look at HF_ENDPOINT and HF_HUB_OFFLINE"
        )
    if status in (401, 403):
        return WeightsError(
            f"{place}: the Hub refuses your token; make one that may do this, and log in with "
            "`hf auth login`"
        )
    if status is not None:
        return DownloadError(f"{place}: the Hub answers {status}; try again later ({words})")
    return DownloadError(f"{place} cannot be had from the Hub, or put there: {words}")


def _in_a_row(error: Exception) -> str:
    return " ".join(str(error).split())[:_LONGEST] or type(error).__name__
