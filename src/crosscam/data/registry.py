"""The data sets by name. A new one is a reader of its own and a line here."""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from crosscam.data import (
    cuhk02,
    cuhk03,
    cuhk_sysu,
    dukemtmcreid,
    folder,
    grid,
    ilids,
    ltcc,
    market1501,
    msmt17,
    occluded_duke,
    people,
    prcc,
    prid,
    viper,
)
from crosscam.data.about import About, count, count_differences
from crosscam.data.copies import note_copies
from crosscam.data.progress import OnImages, unwatched
from crosscam.errors import DataError
from crosscam.types import DataSource, ReIDDataset


@dataclass(frozen=True)
class Source:
    """Where a data set is read from, and how; what a reader does not take is None.

    `on_images` is told how far a read is that takes long, such as cutting images out of an archive.
    """

    root: Path
    variant: str | None = None
    pattern: str | None = None
    table: Path | None = None
    multi_query: bool = False
    on_images: OnImages = unwatched


@dataclass(frozen=True)
class Reader:
    """How to read one data set, what is known of it, and what of a `Source` it takes."""

    load: Callable[[Source], ReIDDataset]
    about: About
    variants: tuple[str, ...] = ()
    needs_root: bool = True
    is_own: bool = False
    has_multi_query: bool = False


READERS: Mapping[str, Reader] = {
    "cuhk-sysu": Reader(lambda source: cuhk_sysu.load_cuhk_sysu(source.root), cuhk_sysu.ABOUT),
    "cuhk02": Reader(
        lambda source: cuhk02.load_cuhk02(source.root, variant=source.variant),
        cuhk02.ABOUT,
        variants=cuhk02.VARIANTS,
    ),
    "cuhk03": Reader(
        lambda source: cuhk03.load_cuhk03(
            source.root, variant=source.variant, on_images=source.on_images
        ),
        cuhk03.ABOUT,
        variants=cuhk03.VARIANTS,
    ),
    "dukemtmcreid": Reader(
        lambda source: dukemtmcreid.load_dukemtmcreid(source.root, variant=source.variant),
        dukemtmcreid.ABOUT,
        variants=dukemtmcreid.VARIANTS,
    ),
    "folder": Reader(
        lambda source: folder.load_folder(source.root, pattern=source.pattern, table=source.table),
        folder.ABOUT,
        is_own=True,
    ),
    "grid": Reader(
        lambda source: grid.load_grid(source.root, variant=source.variant),
        grid.ABOUT,
        variants=grid.VARIANTS,
    ),
    "ilids": Reader(
        lambda source: ilids.load_ilids(source.root, variant=source.variant),
        ilids.ABOUT,
        variants=ilids.VARIANTS,
    ),
    "ltcc": Reader(
        lambda source: ltcc.load_ltcc(source.root, variant=source.variant),
        ltcc.ABOUT,
        variants=ltcc.VARIANTS,
    ),
    "market1501": Reader(
        lambda source: market1501.load_market1501(
            source.root, variant=source.variant, multi_query=source.multi_query
        ),
        market1501.ABOUT,
        variants=market1501.VARIANTS,
        has_multi_query=True,
    ),
    "msmt17": Reader(
        lambda source: msmt17.load_msmt17(source.root, variant=source.variant),
        msmt17.ABOUT,
        variants=msmt17.VARIANTS,
    ),
    "occluded-duke": Reader(
        lambda source: occluded_duke.load_occluded_duke(source.root), occluded_duke.ABOUT
    ),
    "people": Reader(lambda _: people.load_people(), people.ABOUT, needs_root=False),
    "prcc": Reader(
        lambda source: prcc.load_prcc(source.root, variant=source.variant),
        prcc.ABOUT,
        variants=prcc.VARIANTS,
    ),
    "prid": Reader(
        lambda source: prid.load_prid(source.root, variant=source.variant),
        prid.ABOUT,
        variants=prid.VARIANTS,
    ),
    "viper": Reader(
        lambda source: viper.load_viper(source.root, variant=source.variant),
        viper.ABOUT,
        variants=viper.VARIANTS,
    ),
}


def list_datasets() -> list[str]:
    """The names that `load_dataset` knows, sorted."""
    return sorted(READERS)


def find_reader(name: str) -> Reader:
    """The reader of that name. Raises `DataError` that lists the known ones."""
    if name not in READERS:
        raise DataError(f"unknown data set {name!r}; known are {', '.join(list_datasets())}")
    return READERS[name]


def withdrawn(name: str) -> str:
    """When and why the authors of the data set `name[:variant]` took it back; empty if not so."""
    reader = READERS.get(name.partition(":")[0])
    return "" if reader is None else reader.about.withdrawn


def people_of(name: str) -> str:
    """The data set whose people and cameras those of `name`, or `name:variant`, are.

    That is another one where a set was split anew, and the name itself where it is no public set.
    """
    base = name.partition(":")[0]
    return READERS[base].about.people_of or base if base in READERS else name


def load_dataset(
    name: str,
    root: str | os.PathLike[str] | None = None,
    *,
    variant: str | None = None,
    pattern: str | None = None,
    table: str | os.PathLike[str] | None = None,
    multi_query: bool = False,
    on_images: OnImages = unwatched,
) -> ReIDDataset:
    """Read the data set `name` from the folder `root`; the built-in `people` need no root.

    `variant` is one of the set's own; `pattern` and `table` are for own pictures ("folder"): how
    their names say who is in them, or a CSV file that says it. `multi_query` asks for all images of
    the queries' people in the queries' cameras, which market1501 has. `on_images` is told what is
    done with how many images where that takes long, and returns what to tell how many were. Where
    counts are not the published ones, or queries are copies of gallery images that no camera rules
    out, the data set's `notes` say so. Raises `DataError` for an unknown name or variant, which
    lists the known ones; for a root that is missing or not needed; and for whatever is missing,
    empty or misnamed below it.
    """
    reader = find_reader(name)
    if variant is not None and variant not in reader.variants:
        known = (
            f"its variants are {in_words(reader.variants)}" if reader.variants else "it has none"
        )
        raise DataError(f"data set {name!r} has no variant {variant!r}; {known}")
    if reader.needs_root and root is None:
        raise DataError(f"data set {name!r} is not built in; say where it is with --root DIR")
    if not reader.needs_root and root is not None:
        raise DataError(f"data set {name!r} is built in; leave --root out")
    if not reader.is_own and (pattern is not None or table is not None):
        raise DataError(f"data set {name!r} has names of its own; leave the pattern and table out")
    if multi_query and not reader.has_multi_query:
        having = ", ".join(known for known in list_datasets() if READERS[known].has_multi_query)
        raise DataError(
            f"data set {name!r} has no further images of its queries' people; multi-query is for "
            f"{having}"
        )
    where = DataSource(
        name if variant is None else f"{name}:{variant}",
        None if root is None else Path(root).absolute(),
        pattern,
        None if table is None else Path(table).absolute(),
    )
    source = Source(
        Path("" if root is None else root),
        variant,
        pattern,
        None if table is None else Path(table),
        multi_query,
        on_images,
    )
    dataset = _compared(reader.load(source), reader.about)
    return note_copies(replace(dataset, source=where))


def in_words(variants: Iterable[str]) -> str:
    """Variants in a row, numbered ones together: "v1, classic:0 to classic:19"."""
    groups: dict[str, list[str]] = {}
    for variant in variants:
        group = "" if variant.isdecimal() else variant.partition(":")[0]
        groups.setdefault(group, []).append(variant)
    return ", ".join(
        group[0] if len(group) == 1 else f"{group[0]} to {group[-1]}" for group in groups.values()
    )


def _compared(dataset: ReIDDataset, about: About) -> ReIDDataset:
    """The data set, noting where its counts are not those published for its variant."""
    published = about.published(dataset.name.partition(":")[2])
    if published is None:
        return dataset
    found = count_differences(count(dataset), published)
    return replace(dataset, notes=(*dataset.notes, *found))
