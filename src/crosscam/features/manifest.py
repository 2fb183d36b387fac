"""What is to be embedded, written down before it is begun: the manifest, and the list of pictures.

Both lie in the folder of a work's parts. The list is a Parquet file whose row groups are the
shards, so that each process reads those that it embeds.
"""

import hashlib
import itertools
import re
from collections.abc import Iterable, Iterator
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from crosscam.errors import RunError
from crosscam.extras import import_extra
from crosscam.features.addresses import Folder
from crosscam.features.listing import Listed
from crosscam.features.making import Making

MANIFEST_FILE, LIST_FILE = "manifest.json", "pictures.parquet"
SHARD_SIZE = 4096  # pictures

LabelType = Literal["int64", "string"]
FeatureType = Literal["float32", "float16"]
_WHOLE = re.compile(r"-1|[0-9]{1,18}")
_LABELS = ("pid", "camid", "time")


class PictureFacts(BaseModel):
    """What is known of a list of pictures once it was gone through.

    `fingerprint` is of all paths, sizes and labels in their order. A type of labels is None where
    no picture has one, and "int64" where all that there are are whole numbers.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    count: int
    unlabelled: int
    fingerprint: str
    pid: LabelType | None
    camid: LabelType | None
    time: LabelType | None


class Manifest(BaseModel):
    """What is made of which pictures, in shards of how many."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    making: Making
    feature_dim: int
    dtype: FeatureType
    shard_size: int
    pictures: PictureFacts

    @property
    def num_shards(self) -> int:
        """How many shards the pictures make."""
        return -(-self.pictures.count // self.shard_size)

    def pictures_in(self, shard: int) -> int:
        """How many pictures a shard has, before broken ones are left out."""
        return min(self.shard_size, self.pictures.count - shard * self.shard_size)


class _Facts:
    """Gathers the facts of pictures that pass by."""

    def __init__(self) -> None:
        self._count = self._unlabelled = 0
        self._digest = hashlib.sha256()
        self._whole = dict.fromkeys(_LABELS, True)
        self._there = dict.fromkeys(_LABELS, False)

    def watch(self, pictures: Iterable[Listed]) -> Iterator[Listed]:
        for picture in pictures:
            path, _, size, *labels = picture
            self._digest.update(repr((path, size, *labels)).encode())
            self._count += 1
            self._unlabelled += picture.pid is None
            for name, label in zip(_LABELS, labels, strict=True):
                if label is not None:
                    self._there[name] = True
                    self._whole[name] &= bool(_WHOLE.fullmatch(label))
            yield picture

    def found(self) -> PictureFacts:
        types: dict[str, LabelType | None] = {
            name: ("int64" if self._whole[name] else "string") if self._there[name] else None
            for name in _LABELS
        }
        return PictureFacts.model_validate(
            {
                "count": self._count,
                "unlabelled": self._unlabelled,
                "fingerprint": self._digest.hexdigest()[:32],
                **types,
            }
        )


def look_through(pictures: Iterable[Listed]) -> PictureFacts:
    """The facts of a list of pictures, none of which is kept."""
    facts = _Facts()
    for _ in facts.watch(pictures):
        pass
    return facts.found()


def write_list(folder: Folder, pictures: Iterable[Listed], *, shard_size: int) -> PictureFacts:
    """Write the list of pictures, a row group a shard, and give the facts of it."""
    arrow, parquet = _arrow()
    text = arrow.string()
    columns = {"path": text, "source": text, "size": arrow.int64(), **dict.fromkeys(_LABELS, text)}
    schema = arrow.schema(columns.items())
    facts = _Facts()
    passing = facts.watch(pictures)
    with (
        folder.writing(LIST_FILE) as file,
        parquet.ParquetWriter(str(file), schema, use_dictionary=list(_LABELS)) as writer,
    ):
        while shard := list(itertools.islice(passing, shard_size)):
            cells = zip(*shard, strict=True)
            arrays = [
                arrow.array(cell, kind) for cell, kind in zip(cells, schema.types, strict=True)
            ]
            writer.write_table(arrow.Table.from_arrays(arrays, schema=schema), shard_size)
    return facts.found()


class PictureList:
    """The list of pictures on disk, read a shard at a time; closed when left."""

    def __init__(self, folder: Folder) -> None:
        _, parquet = _arrow()
        self._opened = folder.open(LIST_FILE)
        self._file = parquet.ParquetFile(self._opened)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._file.close()
        self._opened.close()

    def table(self, shard: int) -> Any:
        """The pictures of a shard as an Arrow table."""
        return self._file.read_row_group(shard)

    def pictures(self, shard: int) -> list[Listed]:
        """The pictures of a shard."""
        columns = (column.to_pylist() for column in self.table(shard).itercolumns())
        return [Listed(*row) for row in zip(*columns, strict=True)]


def write_manifest(folder: Folder, manifest: Manifest) -> None:
    """Write the manifest, whole or not at all; it comes after the list."""
    with folder.writing(MANIFEST_FILE) as file:
        file.write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read_manifest(folder: Folder) -> Manifest | None:
    """The manifest in a folder of parts, None if nothing was begun there.

    Raises `RunError` for one that is broken or of a later version.
    """
    if not folder.has(MANIFEST_FILE):
        return None
    with folder.open(MANIFEST_FILE) as file:
        content = file.read()
    try:
        return Manifest.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        raise RunError(
            f"{folder.address} holds work that cannot be gone on with (its manifest: "
            f"{'.'.join(map(str, first['loc']))}: {first['msg']}); --force begins anew"
        ) from None


def _arrow() -> tuple[Any, Any]:
    purpose = "a list of pictures"
    arrow = import_extra("pyarrow", extra="parquet", purpose=purpose)
    return arrow, import_extra("pyarrow.parquet", extra="parquet", purpose=purpose)
