"""The `crosscam` command: its subcommands, and how it ends when something is wrong."""

import errno
import io
import os
import re
import signal
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Annotated, Any, NamedTuple, TextIO

import typer

import crosscam
from crosscam.cli.commands import data, embed, evaluate, export, hub, models, runs, train, zoo
from crosscam.cli.commands.groups import with_options_of_groups
from crosscam.cli.waiting import wait_passively
from crosscam.errors import CrosscamError, Interrupted
from crosscam.screen import printable

_HINTS = {
    errno.ENOSPC: "; make room on the disk",
    errno.EDQUOT: "; make room in your quota",
    errno.EFBIG: "; the limit on file sizes is too low",
    errno.EACCES: "; you may not read it, or not write there: change its rights, or choose another",
    errno.EROFS: "; choose a folder that can be written to",
}


class _Command(NamedTuple):
    name: str
    function: Callable[..., None]
    example: str


_COMMANDS = (
    _Command("demo", train.demo, "crosscam demo --out runs/first"),
    _Command("train", train.train, "crosscam train lightres-xent-htri --data people"),
    _Command("resume", train.resume, "crosscam resume runs/demo-1"),
    _Command("evaluate", evaluate.evaluate, "crosscam evaluate runs/demo-1 --rerank"),
    _Command(
        "embed", embed.embed, "crosscam embed crops --model runs/demo-1 --out features.parquet"
    ),
    _Command("rank", evaluate.rank, "crosscam rank query.parquet gallery.parquet --rerank"),
    _Command("export", export.export, "crosscam export runs/demo-1 --to onnx --out model.onnx"),
    _Command("failures", runs.failures, "crosscam failures runs/demo-1"),
    _Command("compare", runs.compare, "crosscam compare runs/demo-1 runs/demo-2"),
    _Command("calibrate", runs.calibrate, "crosscam calibrate runs/demo-1"),
    _Command("convert", models.convert, "crosscam convert resnet50_xent_market1501.pth.tar"),
    _Command("push", hub.push, "crosscam push runs/demo-1 hf://owner/name --private"),
    _Command("models", models.models, "crosscam models resnet50 lightres --speed"),
)
_DATA_COMMANDS = (
    _Command("split", data.split, "crosscam data split pictures --out split.csv"),
    _Command("check", data.check, "crosscam data check market1501 --root data --page check.html"),
    _Command("list", data.list_data, "crosscam data list --json -"),
    _Command("protocols", data.protocols, "crosscam data protocols protocol-2"),
)
_ZOO_COMMANDS = (
    _Command(
        "run", zoo.run, "crosscam zoo run --recipes lightres-xent-htri --data people --dry-run"
    ),
    _Command("table", zoo.table, "crosscam zoo table --runs runs/zoo --out table.html"),
    _Command("list", zoo.list_zoo, "crosscam zoo list"),
)


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - the shape that typer calls
    if wanted:
        typer.echo(crosscam.__version__)
        raise typer.Exit


def _crosscam(
    version: Annotated[  # noqa: FBT002
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Print the version and end."
        ),
    ] = False,
) -> None:
    """Person re-identification across cameras: train, evaluate, report."""


def _data() -> None:
    """Data sets and own pictures."""


def _zoo() -> None:
    """The published recipes, figures and weights."""


def _group(callback: Callable[..., None], commands: Sequence[_Command]) -> typer.Typer:
    group = typer.Typer(
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        callback=callback,
    )
    for name, function, example in commands:
        epilog = f"Example:\n\n\b\n  {example}"
        group.command(name, epilog=epilog)(with_options_of_groups(function))
    return group


def make_app() -> typer.Typer:
    """The command with all its subcommands."""
    app = _group(_crosscam, _COMMANDS)
    app.add_typer(_group(_data, _DATA_COMMANDS), name="data")
    app.add_typer(_group(_zoo, _ZOO_COMMANDS), name="zoo")
    return app


def main() -> None:
    """Run the command: exit 0 if it did its work, 2 on bad input with one line that says what.

    `data check` exits 1 with faults found.
    Stopped by a signal it exits as is usual: 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # whatever a console cannot show
    warnings.showwarning = _show_warning
    wait_passively(os.environ)
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run the command with these arguments; returns its exit status."""
    stopped = 128 + signal.SIGINT
    try:
        status = make_app()(arguments or ["--help"], prog_name="crosscam", standalone_mode=False)
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
            return f"error: {_in_a_row(error.format_message())} (see crosscam --help)", 2
        case OSError():
            hint = _HINTS.get(error.errno or 0, "")
            return f"error: {error}{hint}", 2
        case ValueError() if "embedded null" in str(error):
            return "error: a path has a NUL character in it, which no file's name can have", 2
        case _ if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
            words = _in_a_row(str(error))
            return f"error: out of memory ({words}); make the batch or the input smaller", 2
        case _:
            raise error


# What the parser raises for an unknown option and the like; typer exports only its subclass.
_USAGE_ERROR: Any = typer.BadParameter.__base__


def _in_a_row(lines: str) -> str:
    return re.sub(r"\s*\n\s*", " ", lines)


def _say(message: str, status: int) -> int:
    print(f"crosscam: {printable(message)}", file=sys.stderr)  # noqa: T201
    return status


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Say a warning as a note is said, without the line of code that it comes from."""
    _ = category, filename, lineno, file, line
    print(f"crosscam: warning: {printable(str(message))}", file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    main()
