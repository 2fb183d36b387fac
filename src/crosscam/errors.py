"""The exceptions of crosscam: one tree, so that `except CrosscamError` catches every refusal.

Every message says what was found and what to do next; the command line prints it as it is.
"""


class CrosscamError(Exception):
    """Anything that crosscam refuses to do. The message is one sentence for the user."""


class CrosscamWarning(UserWarning):
    """Something that was done, but may not be what was meant."""


class InputError(CrosscamError, ValueError):
    """An argument of a library call that cannot be used: a wrong shape, length, type or range."""


class DataError(CrosscamError):
    """A data set that cannot be read: missing, misnamed, empty, or a broken image."""


class RecipeError(CrosscamError):
    """A recipe, or an override of one, with an unknown key, a wrong type or a bad value."""


class ModelError(CrosscamError):
    """A model that does not exist, or that an image cannot be put through."""


class WeightsError(CrosscamError):
    """Weights that cannot be had, cannot be trusted, or do not fit the model."""


class ExportError(CrosscamError):
    """A model that cannot be exported, or whose export does not do what the model does."""


class DownloadError(CrosscamError):
    """A file that cannot be fetched whole, or is not the expected one."""


class DeviceError(CrosscamError):
    """A device or an arithmetic that this machine does not offer."""


class ExtraError(CrosscamError):
    """A part of crosscam whose further packages are not installed; the message names the extra."""


class RunError(CrosscamError):
    """A run's folder that cannot be written, resumed or read."""


class TrainingError(CrosscamError):
    """Training that cannot go on: the loss is no longer a number."""


class Interrupted(CrosscamError):  # noqa: N818 - it names what happened, and nothing went wrong
    """Training was asked to stop and did, with its state on disk.

    `signal_number` is the signal that asked for it.
    """

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        self.signal_number = signal_number
