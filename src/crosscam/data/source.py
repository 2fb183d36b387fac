"""Reading a data set again from where a run had it, or from where it has been moved to."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from crosscam.data.exclusion import without_listed
from crosscam.data.progress import OnImages, unwatched
from crosscam.data.registry import load_dataset
from crosscam.errors import DataError
from crosscam.types import DataSource, ReIDDataset


def open_source(
    source: DataSource,
    *,
    multi_query: bool = False,
    on_images: OnImages = unwatched,
) -> ReIDDataset:
    """The data set that `source` describes; `multi_query` and `on_images` are `load_dataset`'s.

    Raises `DataError` as `load_dataset` does, and for a list of images to leave out that does not
    fit.
    """
    name, _, variant = source.name.partition(":")
    dataset = load_dataset(
        name,
        source.root,
        variant=variant or None,
        pattern=source.pattern,
        table=source.table,
        multi_query=multi_query,
        on_images=on_images,
    )
    return dataset if source.exclude is None else without_listed(dataset, source.exclude)


def moved(source: DataSource, root: Path) -> DataSource:
    """`source` below another root, with the table and the list that lay below the former one.

    Raises `DataError` for a data set that has no root.
    """
    before = source.root
    if before is None:
        raise DataError(f"data set {source.name!r} is built in; leave --root out")
    root = root.absolute()

    def below(file: Path | None) -> Path | None:
        lay_below = file is not None and file.is_relative_to(before)
        return root / file.relative_to(before) if file is not None and lay_below else file

    return replace(source, root=root, table=below(source.table), exclude=below(source.exclude))


def source_to_json(source: DataSource | None) -> dict[str, str | None] | None:
    """What `source_of_json` reads again."""
    if source is None:
        return None
    paths = {"root": source.root, "table": source.table, "exclude": source.exclude}
    texts = {key: None if path is None else str(path) for key, path in paths.items()}
    return {"name": source.name, "pattern": source.pattern, **texts}


def source_of_json(content: Any) -> DataSource | None:
    """The source that `source_to_json` wrote; None for what is none."""
    if not isinstance(content, Mapping) or not isinstance(content.get("name"), str):
        return None
    texts = [content.get(key) for key in ("root", "pattern", "table", "exclude")]
    if not all(text is None or isinstance(text, str) for text in texts):
        return None
    root, pattern, table, exclude = texts
    paths = [None if text is None else Path(text) for text in (root, table, exclude)]
    return DataSource(content["name"], paths[0], pattern, paths[1], paths[2])
