"""What each trick of training is worth here: one after another put on, on the built-in people.

    python -m tools.render_people --seed 0 --camera-seed 1 --identities 200 --out other-cameras
    python benchmarks/ablation.py run --other-cameras other-cameras [--jobs 2]
    python benchmarks/ablation.py show [--plot docs/images/ablation.svg]

Every run trains on the built-in training people and is tested on the built-in test people, and on
the same test people seen by other cameras in other streets, which the first line renders. A run
that is in the file of results is not run again: the command can be stopped and given again.
`show` prints a Markdown table of means and ranges over seeds, and draws them.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

RESULTS = Path(__file__).parent / "results" / "ablation.jsonl"
SEEDS = (1, 2, 3)
EPOCHS, STEPS = 40, 19  # of 64 images: 1,216 of the 1,264 training images
XENT = {"name": "xent", "label_smoothing": 0.0}
TRIPLET = {"name": "triplet", "margin": 0.3}

PLAIN: Mapping[str, Any] = {
    "weights": "none",
    "device": "cpu",
    "workers": 1,
    "input": {"height": 128, "width": 64},
    "batch": {"size": 64, "sampler": "random", "steps_per_epoch": STEPS},
    "augment": {"enlarge_crop": 0.5, "flip": 0.5},
    "head": {"pool": "avg", "neck": "none"},
    "loss": [XENT],
    "optimizer": {"name": "adamw", "lr": 2e-3, "weight_decay": 0.05},
    "schedule": {"epochs": EPOCHS, "kind": "cosine"},
    "test": {"batch_size": 100, "metric": "cosine"},
    "compute": {"memory_format": "channels_last", "autocast": "bf16", "threads": 1},
}
PK = {"sampler": "identities", "identities": 16, "images_per_identity": 4}
# Each is put on what the ones before it made.
TRICKS: Mapping[str, Mapping[str, Any]] = {
    "plain": {},
    "+ triplets on PK batches": {"batch": PK, "loss": [XENT, TRIPLET]},
    "+ warm-up": {"schedule": {"warmup_epochs": 5.0}},
    "+ erasing": {"augment": {"erase": 0.5}},
    "+ label smoothing": {"loss": [{"name": "xent", "label_smoothing": 0.1}, TRIPLET]},
    "+ last stride 1": {"model": "{model}:last_stride=1"},
    "+ BNNeck": {"head": {"neck": "bn"}},
    "+ colour": {"augment": {"colour": 0.2}},
    "+ average of weights (EMA)": {"ema": {"decay": 0.99}},
}
PLAN: Mapping[str, tuple[str, ...]] = {
    "lightres": tuple(TRICKS),
    "osnet_x0_25": ("plain", "+ average of weights (EMA)"),
}


@dataclass(frozen=True)
class Run:
    """One training: of which network, up to which trick, by which seed."""

    model: str
    trick: str
    seed: int

    @property
    def recipe(self) -> dict[str, Any]:
        """All settings: the plain ones with every trick up to this one put on."""
        settings: dict[str, Any] = {"model": self.model, "seed": self.seed, **PLAIN}
        for name, changes in TRICKS.items():
            for table, values in changes.items():
                settings[table] = self._changed(settings.get(table, {}), values)
            if name == self.trick:
                break
        return settings

    def _changed(self, before: Any, change: Any) -> Any:
        if isinstance(change, Mapping):
            return {**before, **change}
        is_name = isinstance(change, str)
        if is_name and self.model not in HAS_LAST_STRIDE:
            return before
        return change.format(model=self.model) if is_name else change


HAS_LAST_STRIDE = ("lightres",)  # OSNet's last map is a 16th of the picture as it is


def train_and_test(run: Run, other_cameras: Path) -> dict[str, Any]:
    """Train, and test on the people and on the same people seen by other cameras."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        recipe = folder / "recipe.toml"
        recipe.write_text(tomli_w.dumps(run.recipe), encoding="utf-8")
        started = time.monotonic()
        own = _crosscam(folder, "train", recipe, "--data", "people", "--out", folder / "run")
        seconds = time.monotonic() - started
        elsewhere = ("--data", "market1501", "--root", other_cameras)
        other = _crosscam(folder, "evaluate", folder / "run", *elsewhere)
        environment = json.loads((folder / "run/environment.json").read_text(encoding="utf-8"))
    kept = ("crosscam", "torch", "device_name", "threads", "autocast", "train_fingerprint")
    return {
        "model": run.model,
        "trick": run.trick,
        "seed": run.seed,
        "people": _figures(own),
        "other_cameras": _figures(other),
        "seconds": round(seconds, 1),
        "python": platform.python_version(),
        **{key: environment[key] for key in kept},
    }


def _crosscam(folder: Path, *arguments: str | Path) -> dict[str, Any]:
    file = folder / "figures.json"
    command = [sys.executable, "-m", "crosscam", *map(str, arguments), "--json", str(file)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return content


def _figures(content: Mapping[str, Any]) -> dict[str, float]:
    return {key: content["scores"][key] for key in ("rank1", "mAP", "mINP")}


def read_results(file: Path) -> list[dict[str, Any]]:
    """What is known already."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return [json.loads(line) for line in lines]


def missing_runs(known: Sequence[Mapping[str, Any]], models: Sequence[str]) -> list[Run]:
    """The runs that are not in the file, first seeds first, so that a whole table is soon there."""
    done = {Run(one["model"], one["trick"], one["seed"]) for one in known}
    wanted = (
        Run(model, trick, seed) for model in models for seed in SEEDS for trick in PLAN[model]
    )
    return [run for run in wanted if run not in done]


def run_all(runs: Sequence[Run], other_cameras: Path, file: Path, *, jobs: int) -> None:
    """Do the runs, `jobs` at a time, and write each down as it comes."""
    file.parent.mkdir(exist_ok=True)
    with ThreadPoolExecutor(jobs) as pool:
        for future in as_completed(pool.submit(train_and_test, run, other_cameras) for run in runs):
            result = future.result()
            with file.open("a", encoding="utf-8") as out:
                out.write(json.dumps(result) + "\n")
                out.flush()
                os.fsync(out.fileno())
            print(f"{result['model']}, {result['trick']}, seed {result['seed']}: ", end="")
            print(f"mAP {100 * result['people']['mAP']:.1f}, {result['seconds']:.0f} s", flush=True)


def rows(results: Sequence[Mapping[str, Any]], model: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """For each trick the values of its seeds, in per cent, by test and figure."""
    for trick in PLAN[model]:
        of_it = [one for one in results if (one["model"], one["trick"]) == (model, trick)]
        if of_it:
            yield (
                trick,
                {
                    (test, key): [100 * one[test][key] for one in of_it]
                    for test in ("people", "other_cameras")
                    for key in ("rank1", "mAP")
                },
            )


def show(results: Sequence[Mapping[str, Any]]) -> None:
    """The tables, as Markdown, and what they were made with."""
    for model in PLAN:
        print(f"\n| {model} | people: Rank-1 | mAP | other cameras: Rank-1 | mAP | seeds |")
        print("|---|---|---|---|---|---|")
        for trick, values in rows(results, model):
            cells = [
                f"{statistics.mean(one):.1f} ({min(one):.1f} to {max(one):.1f})"
                for one in values.values()
            ]
            seeds = len(next(iter(values.values())))
            print(f"| {trick} | {' | '.join(cells)} | {seeds} |")
    for key in ("device_name", "threads", "autocast", "torch", "python", "crosscam"):
        print(f"{key}: {', '.join(sorted({str(one[key]) for one in results}))}")


def draw(results: Sequence[Mapping[str, Any]], file: Path) -> None:
    """The mAP by trick, each seed a dot, the mean a line; one panel a test."""
    import matplotlib as mpl  # noqa: PLC0415 - only where it is drawn

    mpl.use("svg")
    import matplotlib.pyplot as plt  # noqa: PLC0415

    found = list(rows(results, "lightres"))
    figure, panels = plt.subplots(1, 2, sharey=True, figsize=(9, 3.6), layout="constrained")
    titles = {"people": "the cameras trained on", "other_cameras": "other cameras"}
    for panel, (test, title) in zip(panels, titles.items(), strict=True):
        for place, (_, values) in enumerate(found):
            seeds = values[test, "mAP"]
            panel.plot(seeds, [place] * len(seeds), "o", color="tab:blue", alpha=0.5)
            panel.plot(statistics.mean(seeds), place, "|", color="black", markersize=16)
        panel.set(title=title, xlabel="mAP, per cent")
        panel.grid(axis="x", alpha=0.3)
    panels[0].set_yticks(range(len(found)), [trick for trick, _ in found])
    panels[0].invert_yaxis()
    figure.savefig(file, metadata={"Date": None})


def main() -> None:
    """Run what is missing, or show what is there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=("run", "show"))
    parser.add_argument("--other-cameras", type=Path, help="the folder that was rendered")
    parser.add_argument("--models", nargs="+", choices=tuple(PLAN), default=tuple(PLAN))
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--plot", type=Path, help="draw the table into this file")
    options = parser.parse_args()
    known = read_results(options.results)
    if options.action == "run":
        if options.other_cameras is None:
            parser.error("run needs --other-cameras")
        runs = missing_runs(known, options.models)
        run_all(runs, options.other_cameras, options.results, jobs=options.jobs)
        known = read_results(options.results)
    show(known)
    if options.plot is not None:
        draw(known, options.plot)


if __name__ == "__main__":
    main()
