"""Are these two crops the same person? Run `make demo` first; then give a run and two pictures.

python examples/compare_two_crops.py runs/demo ONE.jpg OTHER.jpg
"""

import sys

import numpy as np

import crosscam

if len(sys.argv) != 4:
    print(__doc__, file=sys.stderr)
    sys.exit(2)
run, *paths = sys.argv[1:]
features = crosscam.load_embedder(run).embed(paths)
one, other = features / np.linalg.norm(features, axis=1, keepdims=True)
print(f"cosine similarity: {one @ other:.3f}")
