"""Where published weights lie on this machine, and fetching those that do not."""

from pathlib import Path

from crosscam.errors import DownloadError, WeightsError
from crosscam.files import cache_folder, folder_named_by
from crosscam.weights.downloads import OnBytes, fetch
from crosscam.weights.published import PublishedWeights

FOLDER_VARIABLE = "CROSSCAM_WEIGHTS"


def weight_folders() -> list[Path]:
    """Where files are looked for: the user's folder, if there is one, and crosscam's cache."""
    own = folder_named_by(FOLDER_VARIABLE)
    return [*([own] if own else []), cache_folder() / "weights"]


def locate(weights: PublishedWeights) -> Path | None:
    """The file of published weights on this machine, None if it is not there."""
    files = (folder / weights.file_name for folder in weight_folders())
    return next((file for file in files if file.is_file()), None)


def obtain(weights: PublishedWeights, *, on_bytes: OnBytes | None = None) -> Path:
    """The file of published weights: the user's copy, else fetched into crosscam's cache.

    Raises `WeightsError` that says why it cannot be had, and what to do.
    """
    file = locate(weights)
    if file is not None:
        return file
    cache = weight_folders()[-1]
    try:
        cache.mkdir(parents=True, exist_ok=True)
        fetch(
            weights.url,
            cache / weights.file_name,
            sha256=weights.sha256,
            what=weights.name,
            on_bytes=on_bytes,
        )
    except (DownloadError, OSError) as error:
        raise WeightsError(
            f"the weights {weights.name} are not on this machine and could not be fetched "
            f"({error}); if you have {weights.file_name}, put it into {cache}, or name its folder "
            f"in {FOLDER_VARIABLE}, or give its path instead of the name"
        ) from None
    return cache / weights.file_name
