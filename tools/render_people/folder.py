"""The folder of a set: names, what is done, and going on after a kill.

Pictures are written in the order of the plan, each beside its place and then renamed. After each
unit the state is written: how many units are done, and each camera's clock. What a kill leaves
behind that state is written again, to the same names and bytes.
"""

import fcntl
import json
import os
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from crosscam.errors import RunError
from crosscam.files import remove_leftovers, write_text
from tools.render_people.plan import FOLDERS, Picture, Plan, Settings

_STATE = "unfinished.json"
_SUMMARY = "summary.json"
_FRAMES_A_SEQUENCE = 20_000


@dataclass
class State:
    """How far a set is: units done, the clock of each camera, and images by folder and camera."""

    units: int = 0
    clocks: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def images(self) -> int:
        """How many pictures are written."""
        return sum(self.counts.values())


class SetFolder:
    """A folder that a set is written to. Raises `RunError` for one that cannot be used."""

    def __init__(self, path: Path, plan: Plan, *, resume: bool) -> None:
        self._path = path
        self._plan = plan
        self.state = State()
        self.finished = False
        if path.exists() and not path.is_dir():
            raise RunError(f"--out {path}: that is a file; give a folder")
        there = path.exists() and any(path.iterdir())
        if there and not resume:
            raise RunError(
                f"--out {path}: the folder is not empty; give another, or go on with --resume"
            )
        if there:
            self._read()
        if self.finished:
            return
        path.mkdir(parents=True, exist_ok=True)
        self._lock = _lock(path)
        if not there:
            self._write_state()
        for name in FOLDERS:
            (path / name).mkdir(exist_ok=True)
            remove_leftovers(path / name)
        remove_leftovers(path)

    def write(self, pictures: list[Picture]) -> None:
        """Write the next unit."""
        for picture in pictures:
            camera = f"c{picture.camera}"
            clock = self.state.clocks[camera] + picture.gap
            self.state.clocks[camera] = clock
            self.state.counts[f"{picture.folder}/{camera}"] += 1
            name = f"{picture.label}_{camera}s{1 + clock // _FRAMES_A_SEQUENCE}_{clock:06d}_00.jpg"
            _put(self._path / picture.folder / name, picture.jpeg)
        self.state.units += 1
        self._write_state()

    def finish(self) -> None:
        """Write the summary, which only a finished set has."""
        write_text(self._path / _SUMMARY, json.dumps(self._summary(), indent=1) + "\n")
        (self._path / _STATE).unlink(missing_ok=True)

    def _summary(self) -> dict[str, Any]:
        counts = self.state.counts
        return {
            **asdict(self._plan.settings),
            "train_identities": len(self._plan.train),
            "images": {
                folder: sum(n for key, n in counts.items() if key.startswith(f"{folder}/"))
                for folder in FOLDERS
            },
            "per_camera": dict(sorted(counts.items())),
        }

    def _write_state(self) -> None:
        state = {
            "units": self.state.units,
            "clocks": self.state.clocks,
            "counts": self.state.counts,
        }
        content = {"settings": asdict(self._plan.settings), "state": state}
        _put(self._path / _STATE, json.dumps(content).encode())

    def _read(self) -> None:
        """Take up what the folder says, if it is of these settings."""
        self.finished = (self._path / _SUMMARY).is_file()
        file = self._path / (_SUMMARY if self.finished else _STATE)
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            settings = content if self.finished else content["settings"]
            found = Settings(**{name: settings[name] for name in asdict(self._plan.settings)})
            if not self.finished:
                state = content["state"]
                clocks, counts = Counter(state["clocks"]), Counter(state["counts"])
                self.state = State(state["units"], clocks, counts)
        except (OSError, ValueError, KeyError, TypeError):
            raise RunError(
                f"--out {self._path}: there is no set of this tool to go on with; "
                "give an empty folder, without --resume"
            ) from None
        self._check_settings(found)

    def _check_settings(self, found: Settings) -> None:
        wanted = asdict(self._plan.settings)
        differing = [
            f"--{name.replace('_', '-')} {value}"
            for name, value in asdict(found).items()
            if value != wanted[name]
        ]
        if differing:
            raise RunError(
                f"--out {self._path}: it was begun with {' '.join(differing)}; "
                "go on with that, or give another folder"
            )


def _lock(path: Path) -> int:
    """Keep other processes out of the folder for as long as this one runs."""
    lock = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise RunError(f"--out {path}: another process is writing it; wait, or stop it") from None
    return lock


def _put(path: Path, content: bytes) -> None:
    """Write whole or not at all, as far as kills go; a power cut may take the last pictures."""
    beside = path.with_name(f".{path.name}.crosscam-tmp")
    beside.write_bytes(content)
    beside.replace(path)
