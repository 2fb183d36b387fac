"""Files of features for tests, as others write them, and features that people can be told by."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

PIDS = np.repeat(np.arange(1, 7), 4)
CAMIDS = np.tile([1, 1, 2, 3], 6)


def people(seed=0, dim=16, noise=1.0):
    """(24, dim) float32 features of `PIDS`."""
    draw = np.random.default_rng(seed)
    means = np.random.default_rng(99).normal(size=(7, dim))
    return (means[PIDS] + noise * draw.normal(size=(len(PIDS), dim))).astype(np.float32)


def write_parquet(path, features, /, *, card=None, row_group=None, kind="fixed", **columns):
    """A Parquet file with a column `feature`, of fixed or of free length, and further columns."""
    features = np.asarray(features)
    flat = pa.array(features.reshape(-1))
    dim = features.shape[1]
    if kind == "fixed":
        lists = pa.FixedSizeListArray.from_arrays(flat, dim)
    else:
        lists = pa.ListArray.from_arrays(np.arange(len(features) + 1, dtype=np.int32) * dim, flat)
    table = pa.table({"feature": lists, **columns})
    if card is not None:
        table = table.replace_schema_metadata({"crosscam": json.dumps(card)})
    pq.write_table(table, path, row_group_size=row_group)
    return path


def write_npz(path, features, /, *, card=None, **arrays):
    """A `.npz` with an array `features` and further arrays."""
    if card is not None:
        arrays["crosscam"] = np.array(json.dumps(card))
    np.savez(path, features=features, **arrays)
    return path
