"""The file of features: put together from shards, one in memory at a time, to the same bytes."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from crosscam.errors import InputError
from crosscam.features.addresses import Folder
from crosscam.features.manifest import Manifest
from crosscam.features.shards import (
    LeftOut,
    feature_schema,
    parquet_writer,
    read_facts,
    read_shard,
)

METADATA_KEY = b"crosscam"
NPZ_UNKNOWN = "-1"  # what stands in an array for a label that is not known
_ENDS = (".parquet", ".npz")
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # so that equal features are equal bytes
_NPZ_LABELS = {"pid": "pids", "camid": "camids", "time": "times"}


@dataclass(frozen=True)
class Gathered:
    """What is put into a file: so many features, and the pictures that there are none of."""

    rows: int
    left_out: tuple[LeftOut, ...]


def refuse_unknown_end(name: str) -> None:
    """Raise `InputError` unless a file of that name can be written."""
    if not name.endswith(_ENDS) or name in _ENDS:
        raise InputError(
            f"features go into a file named like features.parquet or features.npz, not {name!r}"
        )


def gather(parts: Folder, manifest: Manifest) -> Gathered:
    """What the shards hold in all; every one must be there."""
    facts = [read_facts(parts, number) for number in range(manifest.num_shards)]
    left_out = tuple(picture for each in facts for picture in each.left_out)
    return Gathered(sum(each.rows for each in facts), left_out)


def write_features(
    folder: Folder, name: str, parts: Folder, manifest: Manifest, gathered: Gathered
) -> None:
    """Write the file of features, whole or not at all, of the kind that its name ends with."""
    shards = (read_shard(parts, number) for number in range(manifest.num_shards))
    with folder.writing(name) as file:
        if name.endswith(".npz"):
            _write_npz(file, parts, manifest, gathered)
        else:
            _write_parquet(file, shards, manifest)


def _metadata(manifest: Manifest) -> str:
    return json.dumps(manifest.making.model_dump(mode="json"), sort_keys=True)


def _write_parquet(file: Path, shards: Iterator[Any], manifest: Manifest) -> None:
    schema = feature_schema(manifest).with_metadata({METADATA_KEY: _metadata(manifest)})
    with parquet_writer(file, schema) as writer:
        for shard in shards:
            if len(shard):
                rows = shard.replace_schema_metadata(schema.metadata)
                writer.write_table(rows, row_group_size=len(shard))


def _write_npz(file: Path, parts: Folder, manifest: Manifest, gathered: Gathered) -> None:
    """Arrays in a zip, written piece by piece; their labels are compressed, features not."""
    names = feature_schema(manifest).names[:-1]
    columns = partial(_columns, parts, manifest)
    with zipfile.ZipFile(file, "w", allowZip64=True) as archive:
        shape = (gathered.rows, manifest.feature_dim)
        features = (_matrix(column, manifest) for column in columns("feature"))
        with _member(archive, "features", zipfile.ZIP_STORED) as member:
            _write_array(member, np.dtype(manifest.dtype), shape, features)
        for name in names:
            kind = None if name == "path" else getattr(manifest.pictures, name)
            with _member(archive, _NPZ_LABELS.get(name, "paths"), zipfile.ZIP_DEFLATED) as member:
                _write_labels(member, partial(columns, name), gathered.rows, kind)
        with _member(archive, "crosscam", zipfile.ZIP_DEFLATED) as member:
            text = np.array(_metadata(manifest))
            _write_array(member, text.dtype, (), iter([text]))


def _columns(parts: Folder, manifest: Manifest, name: str) -> Iterator[Any]:
    """A column of the features, a shard at a time."""
    for number in range(manifest.num_shards):
        yield read_shard(parts, number).column(name).combine_chunks()


def _member(archive: zipfile.ZipFile, name: str, compression: int) -> IO[bytes]:
    info = zipfile.ZipInfo(f"{name}.npy", date_time=_ZIP_DATE)
    info.compress_type = compression
    info.external_attr = 0o644 << 16
    return archive.open(info, "w", force_zip64=True)


def _write_labels(
    member: IO[bytes], columns: Callable[[], Iterator[Any]], rows: int, kind: str | None
) -> None:
    if kind == "int64":
        whole = (column.fill_null(int(NPZ_UNKNOWN)).to_numpy() for column in columns())
        _write_array(member, np.dtype(np.int64), (rows,), whole)
        return
    longest = max((len(text) for part in _texts(columns()) for text in part), default=0)
    dtype = np.dtype(f"<U{max(1, longest)}")
    texts = (np.array(part, dtype=dtype) for part in _texts(columns()))
    _write_array(member, dtype, (rows,), texts)


def _texts(columns: Iterator[Any]) -> Iterator[list[str]]:
    return (column.fill_null(NPZ_UNKNOWN).to_pylist() for column in columns)


def _write_array(
    member: IO[bytes], dtype: np.dtype[Any], shape: tuple[int, ...], parts: Iterator[NDArray[Any]]
) -> None:
    """An array in NumPy's own format, of parts along its first axis."""
    layout: Any = np.lib.format  # which NumPy does not annotate
    header = {"descr": layout.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    start = io.BytesIO()
    layout.write_array_header_1_0(start, header)
    member.write(start.getvalue())
    for part in parts:
        member.write(np.ascontiguousarray(part, dtype=dtype).tobytes())


def _matrix(column: Any, manifest: Manifest) -> NDArray[Any]:
    values: NDArray[Any] = column.flatten().to_numpy()
    return values.reshape(-1, manifest.feature_dim)
