"""Images a second of each runtime, as ratios to plain torch: the network alone, and from files.

    python benchmarks/inference.py --out inference.jsonl [--models lightres osnet_x0_25]
        [--batches 1 32] [--threads 1 2] [--ways torch OpenVINO] [--seconds 3] [--rounds 5]
        [--clock processor] [--rival PYTHON]
    python benchmarks/inference.py --out inference.jsonl --table

Each model and number of threads has a process of its own, and each way of computing is told to use
so many. In every round all ways are timed one after another, so that a machine whose speed drifts
is fair to all; a ratio is that of one round. "From files" is from pictures on disk to features in
memory, by `Embedder.embed`. Weights are random. A result is added to the file as soon as it is
there, and what the file has is not measured again; the table is of the whole file. `--rival` names
a Python that has Torchreid, whose own FeatureExtractor is then measured in the same rounds. With
`--clock processor` a second is one of the process's own on a processor, which other work on the
machine does not lengthen; with several threads, it is that of all of them together.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from inference_rival import RIVALS, Rival
from inference_ways import PLAIN, WAYS, UnavailableError
from measuring import CLOCKS, describe_machine

import crosscam
from crosscam.devices import count_processors
from crosscam.embedding.embedder import Embedder
from crosscam.embedding.network import Network
from crosscam.extras import has_module
from crosscam.models.base import default_preprocess

MODELS = ("resnet50", "osnet_x1_0", "osnet_x0_25", "lightres", "mobilenetv2", "hacnn")
Work = Callable[[], int]  # says how many images it did
KINDS = ("network", "files")
FILES = 64


def images_a_second(work: Work, seconds: float, clock: Callable[[], float]) -> float:
    """How many images a second, of calls that each say how many they did, for so long."""
    done, started = 0, clock()
    while (elapsed := clock() - started) < seconds or not done:
        done += work()
    return done / elapsed


def works(
    embedder: Embedder, images: torch.Tensor, paths: list[str], batch: int
) -> dict[str, Work]:
    """What is timed, by kind."""

    def network() -> int:
        embedder.network(images, None)
        return batch

    def files() -> int:
        return len(embedder.embed(paths, batch_size=batch))

    return {"network": network, "files": files}


def prepare(
    model: str, threads: int, ways: Sequence[str]
) -> tuple[Embedder, dict[str, Network], dict[str, str]]:
    """An embedder of random weights, its network by each way, and why ways are not there."""
    torch.manual_seed(0)
    plain = crosscam.create_model(model, num_classes=1).eval()
    embedder = Embedder.of_network(plain, default_preprocess(plain))
    example = torch.rand(2, 3, embedder.preprocess.height, embedder.preprocess.width)
    expected = embedder.network(example, None)
    networks, missing = {}, {}
    for name in ways:
        try:
            networks[name] = WAYS[name](plain, example, threads)
            found = networks[name](example, None)
        except UnavailableError as reason:
            missing[name] = str(reason)
            continue
        near = torch.nn.functional.cosine_similarity(found, expected).min().item()
        if near < (0.99 if "bf16" in name else 1 - 1e-5):
            raise SystemExit(f"{model} by {name}: features are others, cosine {near:.6f}")
    return embedder, networks, missing


def measure(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """The results of one model with so many threads: one for each size of batch."""
    (model,), (threads,) = arguments.models, arguments.threads
    torch.set_num_threads(threads)
    embedder, networks, missing = prepare(model, threads, arguments.ways)
    size = embedder.preprocess.height, embedder.preprocess.width
    paths = [str(sample.path) for sample in crosscam.load_dataset("people").gallery[:FILES]]
    embedders = {name: Embedder(one, embedder.preprocess) for name, one in networks.items()}
    with ExitStack() as stack:
        rival = None
        if arguments.rival and model in RIVALS:
            rival = stack.enter_context(Rival(arguments.rival, model, size, threads))
        for batch in arguments.batches:
            images = torch.rand(batch, 3, *size)
            some = paths[: max(batch, 8)]
            timed = {name: works(one, images, some, batch) for name, one in embedders.items()}
            clocks = dict.fromkeys(timed, CLOCKS[arguments.clock])
            if rival is not None:
                timed["Torchreid"] = rival.works(some, batch)
                own = arguments.clock == "processor"
                clocks["Torchreid"] = rival.process_time if own else time.perf_counter
            yield {
                **key_of(model, threads, batch, arguments.clock),
                "seconds": arguments.seconds,
                "load": os.getloadavg()[0],
                "missing": missing,
                "speeds": rounds(timed, clocks, arguments.rounds, arguments.seconds),
            }


def rounds(
    timed: dict[str, dict[str, Work]],
    clocks: dict[str, Callable[[], float]],
    count: int,
    seconds: float,
) -> dict[str, dict[str, list[float]]]:
    """Images a second by kind and way, one figure a round, after one that warms up."""
    speeds: dict[str, dict[str, list[float]]] = {kind: {} for kind in KINDS}
    for number in range(count + 1):
        for kind in KINDS:
            for name, work in timed.items():
                wanted = seconds / count if number else 0
                found = images_a_second(work[kind], wanted, clocks[name])
                if number:
                    speeds[kind].setdefault(name, []).append(found)
    return speeds


def key_of(model: str, threads: int, batch: int, clock: str) -> dict[str, Any]:
    """What tells one result from another."""
    machine = describe_machine(torch.device("cpu"))
    machine = machine.replace(f"{torch.get_num_threads()} threads, ", "")
    for module in filter(has_module, ("onnxruntime", "openvino")):
        machine += f", {module} {version(module)}"
    return {"machine": machine, "model": model, "threads": threads, "batch": batch, "clock": clock}


def results(path: Path) -> list[dict[str, Any]]:
    """What a file of results has; a last line that was cut short is not read."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]


def run_cell(arguments: argparse.Namespace, model: str, threads: int, batches: list[int]) -> None:
    """Measure in a process of its own, and add its results to the file as they come."""
    command = [sys.executable, __file__, "--cell", "--out", str(arguments.out), "--models", model]
    command += ["--threads", str(threads), "--batches", *map(str, batches)]
    command += ["--seconds", str(arguments.seconds), "--rounds", str(arguments.rounds)]
    command += ["--clock", arguments.clock, "--ways", *arguments.ways]
    command += ["--rival", arguments.rival] if arguments.rival else []
    environment = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": str(threads)}
    if subprocess.run(command, env=environment, check=False).returncode:
        raise SystemExit(f"{model} with {threads} threads failed, see above")


def print_table(found: list[dict[str, Any]]) -> None:
    """Each machine's results as a Markdown table: ratios, and images a second."""
    for machine in dict.fromkeys(result["machine"] for result in found):
        print(f"\n{machine}\n")
        print("| model | threads, clock | batch | way | network alone | a second ", end="")
        print("| from files | a second |")
        print("|---|---|---|---|---|---|---|---|")
        for result in found:
            if result["machine"] == machine:
                print_rows(result)
        missing = {item for result in found for item in result["missing"].items()}
        print(*(f"\nNot there: {name}, since {reason}." for name, reason in sorted(missing)))


def print_rows(result: dict[str, Any]) -> None:
    """The rows of one model, number of threads and size of batch."""
    for name in result["speeds"]["network"]:
        cells = []
        for kind in KINDS:
            own, plain = result["speeds"][kind][name], result["speeds"][kind][PLAIN]
            ratios = [one / other for one, other in zip(own, plain, strict=True)]
            middle = statistics.median(ratios)
            cells.append(f"**{middle:.1f}** ({min(ratios):.1f} to {max(ratios):.1f})")
            cells.append(f"{statistics.median(own):.0f}" if own[0] > 20 else f"{own[0]:.1f}")
        where = f"{result['model']} | {result['threads']}, {result['clock']} | {result['batch']}"
        print(f"| {where} | {name} | {' | '.join(cells)} |")


def parse() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="a file of results, added to")
    parser.add_argument("--models", nargs="+", default=MODELS)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 32])
    parser.add_argument("--threads", type=int, nargs="+")
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=WAYS, metavar="WAY")
    parser.add_argument("--seconds", type=float, default=3, help="for each figure, in all rounds")
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rival", metavar="PYTHON", help="a Python that has Torchreid")
    parser.add_argument("--table", action="store_true", help="print the table, and measure nothing")
    parser.add_argument("--cell", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    arguments.threads = arguments.threads or sorted({1, count_processors()})
    arguments.ways = list(dict.fromkeys([PLAIN, *arguments.ways]))  # what others are compared with
    return arguments


def main() -> None:
    """Measure what the file does not have, and print the table of it."""
    arguments = parse()
    if arguments.cell:
        for result in measure(arguments):
            with arguments.out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(result) + "\n")
        return
    for model in () if arguments.table else arguments.models:
        for threads in arguments.threads:
            there = [result.items() for result in results(arguments.out)]
            wanted = [
                batch
                for batch in arguments.batches
                if not any(
                    key_of(model, threads, batch, arguments.clock).items() <= items
                    for items in there
                )
            ]
            if wanted:
                print(f"{model}, {threads} threads, batches of {wanted}", file=sys.stderr)
                run_cell(arguments, model, threads, wanted)
    print_table(results(arguments.out))


if __name__ == "__main__":
    main()
