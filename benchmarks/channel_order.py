"""What a model loses when the channels of arrays are said the wrong way round.

    python benchmarks/channel_order.py runs/demo

Ranks the built-in people three times by `Embedder.embed` of arrays: with their order said, with
all pictures taken for BGR, and with the queries alone. Prints a Markdown table.
"""

import argparse

import numpy as np
from measuring import describe_machine
from numpy.typing import NDArray

import crosscam
from crosscam.data.images import read_image
from crosscam.embedding.pictures import ChannelOrder
from crosscam.embedding.samples import labels_of
from crosscam.types import Sample


def main() -> None:
    """Embed, rank, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", help="a run's folder, or any model that load_embedder takes")
    embedder = crosscam.load_embedder(parser.parse_args().run, device="cpu", runtime="torch")
    people = crosscam.load_dataset("people")

    def features(samples: tuple[Sample, ...], order: ChannelOrder) -> NDArray[np.float32]:
        arrays = (np.asarray(read_image(sample.path)) for sample in samples)
        return embedder.embed(arrays, order=order)

    (query_pids, query_camids), (pids, camids) = map(labels_of, (people.query, people.gallery))
    print("| arrays are RGB, and said to be | Rank-1 | mAP |\n|---|---|---|")
    rows: tuple[tuple[str, ChannelOrder, ChannelOrder], ...] = (
        ("RGB", "rgb", "rgb"),
        ("BGR, all of them", "bgr", "bgr"),
        ("BGR, queries alone", "bgr", "rgb"),
    )
    for name, asked, seen in rows:
        scores = crosscam.rank(
            features(people.query, asked),
            features(people.gallery, seen),
            query_pids,
            pids,
            query_camids,
            camids,
            metric=embedder.metric,
        )
        print(f"| {name} | {100 * scores.at_rank(1):.1f} | {100 * scores.mAP:.1f} |")
    print(f"\n{describe_machine(embedder.network.device)}")


if __name__ == "__main__":
    main()
