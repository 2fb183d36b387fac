"""Reading a file of features: ours, or anyone's that has features and says who is in them."""

import os
import re
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from crosscam.arrays import take_integers
from crosscam.embedding.feature_columns import Columns, Values
from crosscam.embedding.feature_file import JUNK, FeatureFile, Names, parse_card
from crosscam.embedding.feature_npz import read_npz
from crosscam.embedding.feature_parquet import read_parquet
from crosscam.errors import DataError, InputError
from crosscam.files import open_plain, quoted

_DECIMALS = re.compile(r"[-+]?[0-9]+\.[0-9]*|[-+]?[0-9]*\.[0-9]+")
_EXACT = 10.0**15  # beyond it, a float may have lost a digit


def read_features(path: str | os.PathLike[str]) -> FeatureFile:
    """The features in a Parquet file or a `.npz`, with what it says of whose they are.

    A Parquet file has a column `feature` of lists of floating numbers, all of one length, and may
    have `pid`, `camid` and `path`; a `.npz` has an array `features`, (N, D) floating numbers, and
    may have `pids`, `camids` and `paths`, (N,). The other's spelling is taken too; what else is
    there is passed over. Which of the two it is, is told by its content. Ids are integers of any
    width, floats that are whole, or words; a column that has no value at all is not there. A row
    without a pid is junk, of pid -1, and only such a row need not have a camid. What `crosscam
    embed` writes says besides how it was made.

    Nothing in a file is executed. Rows of float16 are widened; there is one array of float32, and
    beside it one batch. Raises `DataError` for what cannot be read, is no such file, or has a
    feature that is not finite, and `ExtraError` for a Parquet file without pyarrow.
    """
    file = quoted(path)
    try:
        with open_plain(path) as stream:
            columns = _columns(stream, file)
    except OSError as error:
        raise DataError(f"cannot read the features in {file}: {error.strerror}") from None
    except MemoryError:
        raise DataError(f"{file} says that it needs more memory than there is") from None
    return _checked(columns, file)


def _columns(stream: IO[bytes], file: str) -> Columns:
    start = stream.read(4)
    stream.seek(0)
    if start == b"PAR1":
        return read_parquet(stream, file)
    if start[:2] == b"PK":
        return read_npz(stream, file)
    raise DataError(f"{file} is neither a Parquet file nor a .npz, so no features are read from it")


def _checked(columns: Columns, file: str) -> FeatureFile:
    features, labels = columns.features, columns.labels
    if 0 in features.shape:
        raise DataError(f"{file} has no features: they are {features.shape}")
    pids = _people(labels.get("pids"), file)
    paths = labels.get("paths")
    known = isinstance(paths, list) and all(isinstance(path, str) for path in paths)
    found = FeatureFile(
        file,
        features,
        pids,
        _cameras(labels.get("camids"), pids, file),
        tuple(paths) if known and paths is not None else None,
        parse_card(columns.card, file),
    )
    broken = [
        start + place
        for start in range(0, len(features), 4096)
        for place in np.flatnonzero(~np.isfinite(features[start : start + 4096]).all(axis=1))
    ]
    if broken:
        raise DataError(
            f"{file}: {len(broken)} of {len(features)} features are not finite, the first is that "
            f"of {found.row(int(broken[0]))}; leave these rows out, or embed them again"
        )
    return found


def _people(values: Values | None, file: str) -> Names | None:
    """Pids, None where there are none at all; who is not known is junk."""
    if values is None or _missing(values).all():
        return None
    return _names(_filled(values), "pid", file)


def _cameras(values: Values | None, pids: Names | None, file: str) -> Names | None:
    """Camids, None where there are none at all; those of junk may be missing."""
    if values is None or _missing(values).all():
        return None
    missing = _missing(values)
    if pids is not None and missing.any():
        missing &= np.array([pid not in (JUNK, str(JUNK)) for pid in pids])
    if missing.any():
        raise DataError(
            f"{file}: row {np.flatnonzero(missing)[0]} has no camid, but others have one; give one "
            "to all rows, or to none"
        )
    return _names(_filled(values), "camid", file)


def _filled(values: Values) -> Values:
    """The same with -1 where a value is missing."""
    missing = _missing(values)
    if not missing.any():
        return values
    if not isinstance(values, list):
        return np.where(missing, JUNK, values)
    if all(isinstance(value, int | float) for value in values if value is not None):
        return np.array([JUNK if value is None else value for value in values])
    return [str(JUNK) if gone else value for value, gone in zip(values, missing, strict=True)]


def _names(values: Values, column: str, file: str) -> Names:
    """Ids as integers or words."""
    if isinstance(values, list):
        return _words(values, column, file)
    if values.dtype.kind == "f":
        return _whole(values, column, file)
    if values.dtype.kind not in "iu":
        raise DataError(f"{file}: each {column} is an integer or a word, not {values.dtype}")
    try:
        return take_integers(values, len(values), f"the {column}s")
    except InputError as error:
        raise DataError(f"{file}: {error}") from None


def _missing(values: Values) -> NDArray[np.bool_]:
    if isinstance(values, list):
        return np.array([value is None or value == "" for value in values], dtype=np.bool_)
    if values.dtype.kind == "f":
        return np.isnan(values)
    return np.zeros(len(values), dtype=np.bool_)


def _words(values: list[Any], column: str, file: str) -> tuple[str, ...]:
    odd = next((value for value in values if _DECIMALS.fullmatch(value)), None)
    if odd is not None:
        raise DataError(
            f"{file}: the {column} {odd[:40]!r} is a number with decimals as a word; write ids as "
            "integers"
        )
    return tuple(values)


def _whole(values: NDArray[Any], column: str, file: str) -> NDArray[np.int64]:
    whole = (values == np.floor(values)) & (np.abs(values) < _EXACT)
    if not whole.all():
        odd = int(np.flatnonzero(~whole)[0])
        raise DataError(
            f"{file}: the {column} of row {odd} is {values[odd]}, no whole number of 15 digits at "
            "most; write ids as integers"
        )
    return values.astype(np.int64)
