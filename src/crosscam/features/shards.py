"""Shards of features: a Parquet file each, there whole or not at all, whoever wrote it."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from crosscam.errors import RunError
from crosscam.extras import import_extra
from crosscam.features.addresses import Folder
from crosscam.features.manifest import Manifest

_LEFT_OUT_KEY = b"crosscam.left_out"
_START, _END = "shard-", ".parquet"
_LABELS = ("pid", "camid", "time")


class LeftOut(NamedTuple):
    """A broken picture that was left out, and why."""

    path: str
    why: str


class ShardFacts(NamedTuple):
    """How many features a shard has, and the pictures that it has none of."""

    rows: int
    left_out: list[LeftOut]


def shard_name(number: int) -> str:
    """The file of a shard."""
    return f"{_START}{number:07}{_END}"


def shards_done(folder: Folder, manifest: Manifest) -> set[int]:
    """The numbers of the shards that are there."""
    there = folder.sizes()
    return {number for number in range(manifest.num_shards) if shard_name(number) in there}


def feature_schema(manifest: Manifest) -> Any:
    """The columns of features: path, what is known of pid, camid and time, and feature."""
    arrow = arrow_of_features()
    types = {"int64": arrow.int64(), "string": arrow.string()}
    feature = arrow.float16() if manifest.dtype == "float16" else arrow.float32()
    known = {name: getattr(manifest.pictures, name) for name in _LABELS}
    return arrow.schema(
        [
            arrow.field("path", arrow.string(), nullable=False),
            *(arrow.field(name, types[kind]) for name, kind in known.items() if kind),
            arrow.field("feature", arrow.list_(feature, manifest.feature_dim), nullable=False),
        ]
    )


def write_shard(
    folder: Folder,
    manifest: Manifest,
    number: int,
    *,
    pictures: Any,
    features: NDArray[np.float32],
    left_out: Sequence[LeftOut],
) -> None:
    """Write a shard, whole or not at all.

    `pictures` is the Arrow table of (n,) pictures that have a feature, `features` are (n, D), in
    the manifest's type already.
    """
    arrow = arrow_of_features()
    schema = feature_schema(manifest)
    columns = [
        pictures.column(field.name).combine_chunks().cast(field.type)
        for field in schema
        if field.name != "feature"
    ]
    values = arrow.array(features.reshape(-1))
    columns.append(arrow.FixedSizeListArray.from_arrays(values, type=schema.field("feature").type))
    words = json.dumps(left_out)
    table = arrow.Table.from_arrays(columns, schema=schema.with_metadata({_LEFT_OUT_KEY: words}))
    with folder.writing(shard_name(number)) as file, parquet_writer(file, table.schema) as writer:
        writer.write_table(table, row_group_size=max(1, len(table)))


def read_facts(folder: Folder, number: int) -> ShardFacts:
    """What a shard holds. Raises `RunError` if its file is broken."""
    with _reading(folder, number) as file:
        metadata = file.schema_arrow.metadata or {}
        left_out = [LeftOut(*each) for each in json.loads(metadata.get(_LEFT_OUT_KEY, b"[]"))]
        return ShardFacts(file.metadata.num_rows, left_out)


def read_shard(folder: Folder, number: int) -> Any:
    """A shard as an Arrow table without metadata. Raises `RunError` if its file is broken."""
    with _reading(folder, number) as file:
        return file.read().replace_schema_metadata(None)


def parquet_writer(file: Any, schema: Any) -> Any:
    """A writer of features: their values as they are, since they compress badly."""
    parquet = import_extra("pyarrow.parquet", extra="parquet", purpose="a file of features")
    labels = [name for name in schema.names if name in _LABELS]
    return parquet.ParquetWriter(
        str(file),
        schema,
        compression=dict.fromkeys(("path", *labels), "snappy") | {"feature.list.element": "none"},
        use_dictionary=labels,
    )


def arrow_of_features() -> Any:
    """The package pyarrow. Raises `ExtraError` if it is not installed."""
    return import_extra("pyarrow", extra="parquet", purpose="a file of features")


@contextmanager
def _reading(folder: Folder, number: int) -> Iterator[Any]:
    arrow, name = arrow_of_features(), shard_name(number)
    parquet = import_extra("pyarrow.parquet", extra="parquet", purpose="a file of features")
    try:
        with folder.open(name) as opened, parquet.ParquetFile(opened) as file:
            yield file
    except arrow.ArrowInvalid as error:
        raise RunError(
            f"{folder.address}/{name} is broken ({error}); remove it, and the same command makes "
            "it again"
        ) from None
