"""Whether training still gives the same weights, to the bit, as another version of crosscam did.

    python benchmarks/same_bits.py --out before.json          # with the one version
    python benchmarks/same_bits.py --against before.json      # with the other, on the same machine

The ten published recipes, from scratch, and the demo are trained for 30 steps of 4 pictures of the
built-in people, in one thread; what is compared is the SHA-256 of each run's `model.safetensors`.
Exits 1 if one differs. Only files of one machine and one version of torch can be compared.
"""

import argparse
import csv
import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

PUBLISHED = (
    *("resnet50-xent", "densenet121-xent", "densenet121-htri", "densenet121-xent-htri"),
    *("resnet50m-xent", "nasnetmobile-xent", "squeezenet-xent", "mobilenetv2-xent"),
    *("shufflenet-xent", "hacnn-xent"),
)
DEMO = (
    *("input.height=128", "input.width=64", "calibration.held_out=0"),
    *("schedule.warmup_epochs=1", "compute.autocast=none"),
)
EPOCHS, PEOPLE, EACH, SIDE = 2, 15, 4, 2  # two epochs of 15 batches of 2 people x 2 pictures


def write_table(pictures: Path, table: Path) -> None:
    """A table of 60 training pictures, and a few to test on."""
    rows = [("path", "pid", "camid", "split")]
    for split, folder, people in (
        ("train", "bounding_box_train", PEOPLE),
        ("query", "query", 3),
        ("gallery", "bounding_box_test", 10**6),
    ):
        taken: dict[str, int] = {}
        for path in sorted((pictures / folder).glob("*.jpg")):
            pid, camid = path.name.split("_")[0], path.name.split("_c")[1][0]
            if int(pid) < 1 or (pid not in taken and len(taken) >= people):
                continue
            taken[pid] = taken.get(pid, 0) + 1
            if taken[pid] <= EACH:
                rows.append((f"{folder}/{path.name}", pid, camid, split))
    with table.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


def hash_of(recipe: str, folder: Path) -> str:
    """The SHA-256 of what 30 steps of a recipe make."""
    settings = [
        *("weights=none", "device=cpu", "workers=0", "compute.threads=1", "seed=1"),
        *(f"schedule.epochs={EPOCHS}", f"batch.size={SIDE * SIDE}"),
    ]
    if recipe.endswith("htri"):
        settings += [f"batch.identities={SIDE}", f"batch.images_per_identity={SIDE}"]
    if recipe.startswith("lightres"):
        settings += DEMO
    else:
        settings += ["schedule.milestones=[1]"]
    pictures, run = folder / "pictures", folder / "runs" / recipe
    command = [sys.executable, "-m", "crosscam", "train", recipe, "--data", "folder"]
    command += ["--root", str(pictures), "--table", str(folder / "table.csv"), "--out", str(run)]
    command += [part for setting in settings for part in ("--set", setting)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return hashlib.sha256((run / "model.safetensors").read_bytes()).hexdigest()


def main() -> int:
    """Train all of them, and write down or compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="write the hashes to this JSON file")
    parser.add_argument("--against", type=Path, help="compare with the hashes in this JSON file")
    parser.add_argument("--recipes", nargs="*", default=[*PUBLISHED, "lightres-xent-htri"])
    options = parser.parse_args()
    before = json.loads(options.against.read_text(encoding="utf-8")) if options.against else {}
    found: dict[str, str] = {}
    import crosscam.data  # noqa: PLC0415 - after the arguments were read

    people = Path(str(crosscam.data.__file__)).parent / "people_pictures"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pictures").symlink_to(people)
        write_table(folder / "pictures", folder / "table.csv")
        for recipe in options.recipes:
            found[recipe] = hash_of(recipe, folder)
            same = {None: ""}.get(before.get(recipe), "differs")
            same = "the same" if before.get(recipe) == found[recipe] else same
            print(f"{recipe:24} {found[recipe][:16]} {same}", flush=True)
    if options.out:
        options.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return int(any(before.get(recipe, one) != one for recipe, one in found.items()))


if __name__ == "__main__":
    sys.exit(main())
