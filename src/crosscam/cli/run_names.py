"""Where a run goes that nobody named: a new, numbered folder in `runs/`."""

import re
from pathlib import Path

from crosscam.errors import RunError
from crosscam.files import safe_name

RUNS = Path("runs")


def unused_run(name: str) -> Path:
    """The first numbered folder after those that are there, of a name that every system takes."""
    name = safe_name(name)
    numbers = _numbers(name)
    return RUNS / f"{name}-{numbers[-1] + 1 if numbers else 1}"


def latest_run(name: str) -> Path:
    """The last numbered folder. Raises `RunError` if there is none."""
    name = safe_name(name)
    numbers = _numbers(name)
    if not numbers:
        raise RunError(
            f"there is no run to resume: looked for {RUNS / name}-1 and so on; "
            "say which with crosscam resume RUN, or leave --resume out to start one"
        )
    return RUNS / f"{name}-{numbers[-1]}"


def _numbers(name: str) -> list[int]:
    pattern = re.compile(re.escape(name) + r"-(\d+)", re.IGNORECASE)  # as some systems do
    found = (pattern.fullmatch(entry.name) for entry in RUNS.glob("*") if entry.is_dir())
    return sorted(int(match[1]) for match in found if match)
