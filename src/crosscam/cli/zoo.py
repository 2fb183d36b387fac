"""`crosscam zoo`: the published recipes and weights."""

from pathlib import Path
from typing import Any

from rich.table import Table

from crosscam.cli.console import screen_for
from crosscam.cli.output import check_json_file, write_json
from crosscam.weights.cache import FOLDER_VARIABLE, locate, weight_folders
from crosscam.weights.published import TRAINING_DATA, WEIGHTS, PublishedWeights
from crosscam.zoo.figures import PublishedFigures, later_figures, published_figures, strong_figures


def show_zoo(json_file: Path | None) -> None:
    """Print, and write, the published figures and weights."""
    check_json_file(json_file)
    figures = published_figures()
    screen = screen_for(json_file)
    screen.print("Published: Rank-1 (mAP) in per cent, single query, without re-ranking")
    later, strong = later_figures(), strong_figures()
    for table in (figures, later, strong):
        screen.print()
        screen.print(_grid(table))
        screen.print()
        screen.print(f"source: {table.source}")
        for recipe, source in table.sources.items():
            screen.print(f"  {recipe}: {source}")
    screen.print()
    screen.print(_weights(figures))
    screen.print()
    for data in TRAINING_DATA.values():
        screen.print(f"{data.name}: {data.terms}")
    for licence in sorted({weights.licence for weights in WEIGHTS.values()}):
        screen.print(f"licence of the weights: {licence}")
    example = next(iter(WEIGHTS.values()))
    screen.print(
        f"Files are named as {example.file_name}, and looked for in "
        f"{', then '.join(map(str, weight_folders()))} ({FOLDER_VARIABLE} may name a folder of "
        f"your own), then fetched, here from {example.url}"
    )
    content = {
        "source": figures.source,
        "scores": figures.model_dump(mode="json")["scores"],
        "later": later.model_dump(mode="json"),
        "strong": strong.model_dump(mode="json"),
        "weights": [_as_json(weights, figures) for weights in WEIGHTS.values()],
    }
    write_json(content, json_file)


def _grid(figures: PublishedFigures) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("recipe", min_width=max(map(len, figures.scores)))
    columns = dict.fromkeys((*TRAINING_DATA, *figures.data))
    for data in columns:
        table.add_column(data, justify="right")
    for recipe in figures.scores:
        table.add_row(recipe, *(_cell(figures.of(recipe, data)) for data in columns))
    return table


def _weights(figures: PublishedFigures) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("weights")
    table.add_column("Rank-1 (mAP)", justify="right")
    table.add_column("SHA-256")
    table.add_column("here")
    for weights in WEIGHTS.values():
        table.add_row(
            weights.name,
            _cell(figures.of(weights.recipe, weights.trained_on.name)),
            weights.sha256[:8] if weights.sha256 else "not known",
            "yes" if locate(weights) else "no",
        )
    return table


def _cell(scores: tuple[float, float] | None) -> str:
    return f"{scores[0]:.1f} ({scores[1]:.1f})" if scores else "-"


def _as_json(weights: PublishedWeights, figures: PublishedFigures) -> dict[str, Any]:
    scores = figures.of(weights.recipe, weights.trained_on.name)
    file = locate(weights)
    return {
        "name": weights.name,
        "architecture": weights.architecture,
        "recipe": weights.recipe,
        "data": weights.trained_on.name,
        "identities": weights.trained_on.identities,
        "images": weights.trained_on.images,
        "terms": weights.trained_on.terms,
        "licence": weights.licence,
        "url": weights.url,
        "sha256": weights.sha256,
        "file": str(file) if file else None,
        "published": {"rank1": scores[0] / 100, "mAP": scores[1] / 100} if scores else None,
    }
