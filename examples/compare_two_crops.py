"""Are these two crops the same person? Run `make demo` first; then give a run and two pictures.

python examples/compare_two_crops.py runs/demo ONE.jpg OTHER.jpg
"""

import sys

import torch
from PIL import Image

import crosscam

if len(sys.argv) != 4:
    print(__doc__, file=sys.stderr)
    sys.exit(2)
run, *paths = sys.argv[1:]
model = crosscam.load_model(run)
crops = torch.stack([model.preprocess(Image.open(path)) for path in paths])
with torch.inference_mode():
    one, other = torch.nn.functional.normalize(model(crops))
print(f"cosine similarity: {one @ other:.3f}")
