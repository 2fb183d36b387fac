"""Features in Parquet files, read a batch of rows at a time into one array."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from crosscam.embedding.feature_columns import Columns, Values, find_columns, refuse_bomb
from crosscam.embedding.feature_file import CARD_KEY
from crosscam.errors import DataError
from crosscam.extras import import_extra

_BLOCK = 1 << 22
_ROWS = 1024  # where the length of a feature is not known before
_FLOAT32 = 4
_BUFFER = 1 << 20  # bytes of a column that are read ahead, where a row group is large


def read_parquet(stream: IO[bytes], file: str) -> Columns:
    """The columns of features, labels and card in a Parquet file, called `file` in messages.

    Raises `DataError` for whatever is no such file, and `ExtraError` without pyarrow.
    """
    pa = import_extra("pyarrow", extra="parquet", purpose="reading Parquet files")
    parquet = import_extra("pyarrow.parquet", extra="parquet", purpose="reading Parquet files")
    size = os.fstat(stream.fileno()).st_size
    with _in_words(pa, file):
        schema = parquet.ParquetFile(stream).schema_arrow
        spelt = find_columns(schema.names, file)
        words = [name for name in spelt.values() if _is_text(pa, schema.field(name).type)]
        opened = parquet.ParquetFile(
            stream, read_dictionary=words, pre_buffer=False, buffer_size=_BUFFER
        )
        dim = _stated_dim(pa, schema.field(spelt["features"]).type, file)
        rows = _ROWS if dim is None else max(1, _BLOCK // (_FLOAT32 * max(1, dim)))
        batches = opened.iter_batches(rows, columns=list(spelt.values()), use_threads=False)
        taken = _Taken(pa, spelt, opened.metadata.num_rows, file)
        for batch in batches:
            batch.validate(full=True)  # that words are where a damaged file says they are
            taken.take(batch, dim, size)
        card = (schema.metadata or {}).get(CARD_KEY.encode())
    return taken.columns(card)


class _Taken:
    """What was read so far: all features in one array, which the first batch makes, and labels."""

    def __init__(self, pa: Any, spelt: Mapping[str, str], count: int, file: str) -> None:
        self._pa, self._spelt, self._count, self._file = pa, spelt, count, file
        self._features: NDArray[np.float32] | None = None
        self._labels: dict[str, list[Values]] = {one: [] for one in spelt if one != "features"}
        self._at = 0

    def take(self, batch: Any, dim: int | None, size: int) -> None:
        """Take a batch of a file of `size` bytes; `dim` is the length of features, if stated."""
        wanted = dim if self._features is None else self._features.shape[1]
        lists = batch.column(self._spelt["features"])
        found = _floats(self._pa, lists, self._at, wanted, self._file)
        if self._features is None:
            refuse_bomb(self._count * found.shape[1] * _FLOAT32, size, self._file)
            self._features = np.empty((self._count, found.shape[1]), dtype=np.float32)
        with np.errstate(over="ignore"):  # what is infinite as float32 is refused
            self._features[self._at : self._at + len(found)] = found
        for column, parts in self._labels.items():
            parts.append(_values(self._pa, batch.column(self._spelt[column])))
        self._at += len(found)

    def columns(self, card: bytes | None) -> Columns:
        """All of it. Raises `DataError` if rows are missing."""
        if self._at != self._count:
            raise DataError(
                f"{self._file} says it has {self._count} rows, but has {self._at}; make it again"
            )
        features = np.empty((0, 0), dtype=np.float32) if self._features is None else self._features
        return Columns(features, {name: _joined(one) for name, one in self._labels.items()}, card)


@contextmanager
def _in_words(pa: Any, file: str) -> Iterator[None]:
    """Whatever pyarrow raises of a broken file, as a `DataError`."""
    try:
        yield
    except (pa.ArrowException, OSError, OverflowError, UnicodeError, KeyError) as error:
        words = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"{file} is no sound Parquet file: {words[:200]}; make it again") from None


def _is_text(pa: Any, kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _storage(pa: Any, kind: Any) -> Any:
    return kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind


def _stated_dim(pa: Any, kind: Any, file: str) -> int | None:
    """D, or None where rows could differ. Raises `DataError` for what are no features."""
    stored = _storage(pa, kind)
    is_fixed = pa.types.is_fixed_size_list(stored)
    is_list = is_fixed or pa.types.is_list(stored) or pa.types.is_large_list(stored)
    if not is_list or not pa.types.is_floating(stored.value_type):
        raise DataError(f"{file}: features must be lists of floating numbers, not {kind}")
    return int(stored.list_size) if is_fixed else None


def _floats(pa: Any, column: Any, at: int, dim: int | None, file: str) -> NDArray[Any]:
    """(n, D) floating numbers of a batch whose first row is number `at`."""
    lists = column.storage if isinstance(column, pa.ExtensionArray) else column
    if lists.null_count:
        empty = at + int(np.flatnonzero(lists.is_null().to_numpy(zero_copy_only=False))[0])
        raise DataError(f"{file}: row {empty} has no feature; leave it out, or embed it again")
    flat = lists.flatten()
    if flat.null_count:
        raise DataError(
            f"{file}: {flat.null_count} numbers are missing in the features of rows {at} to "
            f"{at + len(lists) - 1}; leave these rows out, or embed them again"
        )
    if not pa.types.is_fixed_size_list(lists.type):
        lengths = np.diff(lists.offsets.to_numpy())
        wanted = int(lengths[0]) if dim is None else dim
        other = np.flatnonzero(lengths != wanted)
        if len(other):
            raise DataError(
                f"{file}: the feature of row {at + other[0]} has {lengths[other[0]]} numbers, "
                f"others have {wanted}; features of one file are of one model"
            )
    values: NDArray[Any] = flat.to_numpy(zero_copy_only=False)
    return values.reshape(len(lists), -1) if len(values) else np.empty((len(lists), 0))


def _values(pa: Any, column: Any) -> Values:
    """Labels of a batch: an array of numbers, or a list of words, and of None for missing ones.

    Equal words of a batch are one object.
    """
    kind = column.type
    if pa.types.is_dictionary(kind) and not _is_text(pa, kind.value_type):
        column = column.dictionary_decode()
    if pa.types.is_dictionary(column.type):
        words = [*column.dictionary.to_pylist(), None]
        places = column.indices.fill_null(len(words) - 1).to_numpy(zero_copy_only=False)
        return [words[place] for place in places.tolist()]
    is_number = pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
    if is_number and not column.null_count:
        numbers: NDArray[Any] = column.to_numpy(zero_copy_only=False)
        return numbers
    if is_number or pa.types.is_null(column.type) or _is_text(pa, column.type):
        values: list[Any] = column.to_pylist()
        return values
    return np.empty(len(column), dtype=np.dtype("V1"))  # of a type that no label has


def _joined(parts: list[Values]) -> Values:
    if all(isinstance(part, np.ndarray) for part in parts) and parts:
        return np.concatenate(parts)
    return [
        value for part in parts for value in (part if isinstance(part, list) else part.tolist())
    ]
