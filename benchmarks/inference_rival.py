"""Torchreid's own FeatureExtractor, in a Python of the user's that has it, asked over a pipe.

This file is also what runs there, and imports nothing of crosscam: `python inference_rival.py
ARCHITECTURE HEIGHT WIDTH THREADS`. For each line of JSON that it reads it embeds once, and writes
how many images that were, and the seconds that it had of a processor so far.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

RIVALS = {
    "resnet50": "resnet50",
    "osnet_x1_0": "osnet_x1_0",
    "osnet_x0_25": "osnet_x0_25",
    "mobilenetv2": "mobilenetv2_x1_0",
    "hacnn": "hacnn",
}


class Rival:
    """A process of Torchreid's; a context, at whose end it ends."""

    def __init__(self, python: str, model: str, size: tuple[int, int], threads: int) -> None:
        words = [RIVALS[model], *map(str, (*size, threads))]
        self._process_time = 0.0
        self.process = subprocess.Popen(
            [python, __file__, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Self:
        """The process has been started already."""
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing more is asked."""
        self.process.communicate()

    def works(self, paths: list[str], batch: int) -> dict[str, Callable[[], int]]:
        """What is timed, by kind; each says how many images it did."""
        chunks = [paths[start : start + batch] for start in range(0, len(paths), batch)]
        return {
            "network": lambda: self._ask({"images": batch}),
            "files": lambda: self._ask({"chunks": chunks}),
        }

    def process_time(self) -> float:
        """The seconds that the process had of a processor until its last answer."""
        return self._process_time

    def _ask(self, question: dict[str, Any]) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit("the rival ended, see above")
        done, self._process_time = json.loads(answer)
        return int(done)


def serve(architecture: str, height: int, width: int, threads: int) -> None:
    """Answer questions until there are no more."""
    import torch  # noqa: PLC0415 - that of the other Python, as what follows
    from torchreid.models import build_model  # noqa: PLC0415
    from torchreid.utils import FeatureExtractor  # noqa: PLC0415

    torch.set_num_threads(threads)
    answers, sys.stdout = sys.stdout, sys.stderr  # it prints
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "random.pth"  # without a file it would fetch ImageNet's
        torch.save(build_model(architecture, 1, pretrained=False).state_dict(), weights)
        extractor = FeatureExtractor(
            architecture, str(weights), image_size=(height, width), device="cpu", verbose=False
        )
    images = torch.zeros(0)
    for line in sys.stdin:
        question = json.loads(line)
        if "images" in question:
            if len(images) != question["images"]:
                images = torch.rand(question["images"], 3, height, width)
            done = len(extractor(images))
        else:
            done = sum(len(extractor(chunk).numpy()) for chunk in question["chunks"])
        print(json.dumps([done, time.process_time()]), file=answers, flush=True)


if __name__ == "__main__":
    serve(sys.argv[1], *map(int, sys.argv[2:]))
