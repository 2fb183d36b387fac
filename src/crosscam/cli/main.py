"""The `crosscam` command: its subcommands, and how it ends when something is wrong."""

import errno
import signal
import sys
from typing import Annotated, Any

import torch
import typer

import crosscam
from crosscam.cli.calibrate import calibrate_run
from crosscam.cli.compare import compare_runs
from crosscam.cli.convert import convert
from crosscam.cli.data import data
from crosscam.cli.demo import demo
from crosscam.cli.evaluate import evaluate
from crosscam.cli.failures import failures
from crosscam.cli.models import models
from crosscam.cli.resume import resume
from crosscam.cli.train import train
from crosscam.cli.zoo import zoo
from crosscam.errors import CrosscamError, Interrupted

# What the parser raises for an unknown option and the like; it exports only its subclass.
_USAGE_ERROR: Any = typer.BadParameter.__base__

_HINTS = {
    errno.ENOSPC: "; make room on the disk",
    errno.EDQUOT: "; make room in your quota",
    errno.EFBIG: "; the limit on file sizes is too low",
    errno.EACCES: "; you may not read it, or not write there: change its rights, or choose another",
    errno.EROFS: "; choose a folder that can be written to",
}

app = typer.Typer(
    name="crosscam",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(demo)
app.command()(train)
app.command()(resume)
app.command()(evaluate)
app.command()(failures)
app.command("compare")(compare_runs)
app.command("calibrate")(calibrate_run)
app.command()(convert)
app.command()(models)
app.add_typer(data)
app.add_typer(zoo)


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - the shape that typer calls
    if wanted:
        print(crosscam.__version__)  # noqa: T201
        raise typer.Exit


@app.callback()
def _crosscam(
    version: Annotated[  # noqa: FBT002
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Print the version and end."
        ),
    ] = False,
) -> None:
    """Person re-identification across cameras: train, evaluate, report."""


def main() -> None:
    """Run the command: exit 0 if it did its work, 2 on bad input with one line that says what.

    `data check` exits 1 with faults found.
    Stopped by a signal it exits as is usual: 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP.
    """
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run the command with these arguments; returns its exit status."""
    stopped = 128 + signal.SIGINT
    try:
        status = app(arguments or ["--help"], prog_name="crosscam", standalone_mode=False)
    except KeyboardInterrupt:
        status = stopped
    except Exception as error:  # noqa: BLE001 - what is not ours is raised again
        message, status = _explain(error)
        return _say(message, status)
    if status == stopped:  # which is also what typer makes of a Ctrl-C
        return _say("stopped", stopped)
    return status if isinstance(status, int) else 0


def _explain(error: Exception) -> tuple[str, int]:
    """The line and the exit status for what went wrong; a fault of ours is raised again."""
    match error:
        case Interrupted():
            return str(error), 128 + error.signal_number
        case CrosscamError():
            return f"error: {error}", 2
        case _ if isinstance(error, _USAGE_ERROR):
            return f"error: {error.format_message()} (see crosscam --help)", 2
        case OSError():
            hint = _HINTS.get(error.errno or 0, "")
            return f"error: {error}{hint}", 2
        case MemoryError() | torch.OutOfMemoryError():
            return f"error: out of memory ({error}); make the batch or the input smaller", 2
        case _:
            raise error


def _say(message: str, status: int) -> int:
    print(f"crosscam: {' '.join(message.split())}", file=sys.stderr)  # noqa: T201
    return status


if __name__ == "__main__":
    main()
