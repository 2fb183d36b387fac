"""The command line: `python -m tools.render_people`."""

import argparse
import importlib.util
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import NoReturn

from crosscam.errors import CrosscamError, DeviceError, InputError, Interrupted
from tools.render_people.folder import SetFolder
from tools.render_people.plan import Plan, Settings, make_plan
from tools.render_people.progress import RenderProgress

_NEEDED = ("anny", "moderngl")
_RANGES = {
    "seed": (0, 2**63 - 1),
    "camera_seed": (0, 2**63 - 1),
    "identities": (2, 9999),
    "cameras": (2, 99),
    "distractors": (0, 100_000),
    "junk": (0, 100_000),
    "jobs": (1, 256),
}


def main(arguments: list[str]) -> int:
    """Render a set; 0 if it is whole, 2 with one line that says what is wrong.

    Stopped by a signal it returns 130 for Ctrl-C and 143 for SIGTERM.
    """
    try:
        _run(arguments)
    except Interrupted as stop:
        return _say(str(stop), 128 + stop.signal_number)
    except KeyboardInterrupt:
        return _say("stopped", 128 + signal.SIGINT)
    except (CrosscamError, OSError) as error:
        return _say(f"error: {error}", 2)
    return 0


def _run(arguments: list[str]) -> None:
    parsed = _parse(arguments)
    settings = Settings(**{name: getattr(parsed, name) for name in Settings.__annotations__})
    _check_needs()
    plan = make_plan(settings)
    folder = SetFolder(parsed.out, plan, resume=parsed.resume)
    if folder.finished:
        _say(f"{parsed.out} is finished", 0)
        return
    _render(plan, folder, parsed)


class _Parser(argparse.ArgumentParser):
    """A parser that refuses in one line, as the rest of crosscam does."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message} (see python -m tools.render_people --help)")


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = _Parser(
        prog="python -m tools.render_people",
        description="Render a data set of people who do not exist, laid out like Market-1501.",
    )
    parser.add_argument("--out", type=Path, required=True, help="an empty or a new folder")
    parser.add_argument("--seed", type=int, default=0, help="who the people are (0)")
    parser.add_argument("--camera-seed", type=int, help="streets and cameras (as --seed)")
    parser.add_argument(
        "--identities", type=int, default=200, help="half of them to train on (200)"
    )
    parser.add_argument("--cameras", type=int, default=6)
    parser.add_argument("--distractors", type=int, default=120, help="gallery images of nobody")
    parser.add_argument("--junk", type=int, default=60, help="badly cut gallery images")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="processes (one a core)"
    )
    parser.add_argument("--resume", action="store_true", help="go on where a stop or a kill was")
    parsed = parser.parse_args(arguments)
    if parsed.camera_seed is None:
        parsed.camera_seed = parsed.seed
    for name, (low, high) in _RANGES.items():
        value = getattr(parsed, name)
        if not low <= value <= high:
            raise InputError(f"--{name.replace('_', '-')} {value}: give {low} to {high}")
    return parsed


def _check_needs() -> None:
    """Refuse early, on a machine that cannot render."""
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise DeviceError(
            f"{' and '.join(missing)}: not installed; pip install '.[render]' in a clone"
        )
    from tools.render_people.renderer import open_context  # noqa: PLC0415 - needs the extra

    try:
        open_context().release()
    except Exception as error:  # noqa: BLE001 - moderngl raises these themselves
        raise DeviceError(
            f"no OpenGL with EGL ({error}); docs/rendering.md names the packages of Debian"
        ) from None


def _render(plan: Plan, folder: SetFolder, parsed: argparse.Namespace) -> None:
    from tools.render_people.workers import rendered  # noqa: PLC0415 - needs the extra

    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    units = plan.units[folder.state.units :]
    started = time.monotonic()
    with RenderProgress(plan.images, folder.state.images) as progress:
        progress.say("loading the body model (minutes the first time, seconds then)")
        try:
            if units:
                with rendered(plan, units, parsed.jobs) as results:
                    for pictures in results:
                        folder.write(pictures)
                        progress.add(len(pictures))
        except Interrupted as stop:
            raise Interrupted(
                f"stopped at {folder.state.images} of {plan.images} images; "
                "go on with the same command and --resume",
                stop.signal_number,
            ) from None
        folder.finish()
        seconds = time.monotonic() - started
        progress.say(
            f"{folder.state.images} images in {parsed.out}; {seconds:.0f} s with loading, "
            f"{progress.rate:.1f} images/s without"
        )


def _stop(number: int, _: FrameType | None) -> NoReturn:
    raise Interrupted("stopped", number)


def _say(message: str, status: int) -> int:
    line = " ".join(message.split())
    print(f"render_people: {line}", file=sys.stderr)  # noqa: T201
    return status
