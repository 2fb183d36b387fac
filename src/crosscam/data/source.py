"""Reading data sets again from where a run had them, or from where they have been moved to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from crosscam.data.exclusion import without_listed
from crosscam.data.joining import DataSets, gather
from crosscam.data.progress import OnImages, unwatched
from crosscam.data.registry import load_dataset
from crosscam.errors import DataError
from crosscam.types import DataSource, ReIDDataset


@dataclass(frozen=True)
class Sources:
    """Where the data sets of a run were: those trained on, and those only tested on."""

    trained_on: tuple[DataSource, ...]
    only_tested: tuple[DataSource, ...] = ()

    @property
    def all(self) -> tuple[DataSource, ...]:
        """Every one of them, those that are trained on first."""
        return (*self.trained_on, *self.only_tested)

    def replaced(self, sources: Sequence[DataSource]) -> "Sources":
        """The same with other places, in the order of `all`."""
        count = len(self.trained_on)
        return Sources(tuple(sources[:count]), tuple(sources[count:]))


def open_sources(
    sources: Sources,
    *,
    multi_query: bool = False,
    on_images: OnImages = unwatched,
) -> DataSets:
    """The data sets that `sources` describe; raises what `open_source` and `gather` do."""
    opened = [
        open_source(source, multi_query=multi_query, on_images=on_images) for source in sources.all
    ]
    count = len(sources.trained_on)
    return gather(opened[:count], opened[count:])


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


def moved_all(sources: Sources, roots: Sequence[Path]) -> Sources:
    """`sources` below other roots: one for all that have a root, or one for each, in their order.

    Raises `DataError` for another number of roots.
    """
    if len(sources.all) == len(roots) == 1:
        return Sources((moved(sources.trained_on[0], roots[0]),))
    assigned = assign_roots([source.root is not None for source in sources.all], roots)
    return sources.replaced(
        [
            source if root is None else moved(source, root)
            for source, root in zip(sources.all, assigned, strict=True)
        ]
    )


def assign_roots(needs: Sequence[bool], roots: Sequence[Path]) -> list[Path | None]:
    """A root for each data set that needs one: none, the same for all, or one each in their order.

    Raises `DataError` for another number of roots.
    """
    needing = sum(needs)
    if len(roots) not in (0, 1, needing) or (roots and not needing):
        raise DataError(
            f"there are {len(roots)} --root for {needing} data sets that need one; give one --root "
            "for all of them, or one for each, in their order"
        )
    left = iter(roots if len(roots) == needing else list(roots) * needing)
    return [next(left, None) if need else None for need in needs]


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
