"""Write the README's table of recipes from the recipes, the published figures and results.

    python tools/readme_table.py [--check] [--readme FILE] [--results FILE]

Recipes, inputs and parameters are those of the code. Where there is a file of results, as
`crosscam zoo table --out docs/zoo-results.json` writes it, figures of unchanged recipes on the
published data stand beside the published ones. `--check` writes nothing: it exits 1 if the table
is not what it would be.
"""

import argparse
import re
import sys
from pathlib import Path

import pydantic

from crosscam.files import write_text
from crosscam.grid.table import Place, Row, Table
from crosscam.grid.table_layout import in_per_cent, millions
from crosscam.recipe import load_recipe
from crosscam.zoo.figures import all_figures

TOP = Path(__file__).parents[1]
BEGIN, END = "<!-- zoo table: begin -->", "<!-- zoo table: end -->"


def region(results: Path) -> str:
    """What stands between the marks."""
    figures = all_figures()
    table = Table.of((), figures)
    found = Table.model_validate_json(results.read_bytes()) if results.is_file() else None
    places = {row.recipe: row.places for row in found.rows} if found else {}
    titles = ["recipe", "start", "input", "parameters", *figures.data]
    lines = [titles, ["---", "---", "---", "---:", *("---" for _ in figures.data)]]
    for row in table.rows:
        cells = [
            _cell(row.places[data], places.get(row.recipe, {}).get(data)) for data in figures.data
        ]
        lines.append([*_head(row), *cells])
    has_found = any("**" in cell for line in lines for cell in line)
    words = [
        "Rank-1 (mAP) in per cent, single query, without re-ranking, as published:",
        f"{figures.source}.",
        "In bold: found with crosscam, the mean over n seeds."
        if has_found
        else "Trained with crosscam on these data: none yet.",
    ]
    return "\n".join([*(f"| {' | '.join(line)} |" for line in lines), "", *words])


def updated(readme: str, content: str) -> str:
    """The README with `content` between its marks. Exits with a message if there are none."""
    pattern = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    if len(pattern.findall(readme)) != 1:
        sys.exit(f"the README needs one {BEGIN} with one {END} after it")
    return pattern.sub(lambda _: f"{BEGIN}\n{content}\n{END}", readme)


def _head(row: Row) -> list[str]:
    recipe = load_recipe(row.recipe)
    start = {"none": "random", "imagenet": "ImageNet", "ask": "a file"}.get(
        recipe.weights, recipe.weights
    )
    size = f"{recipe.input.height} x {recipe.input.width}"
    return [f"`{row.recipe}`", start, size, millions(row.parameters)]


def _cell(published: Place, found: Place | None) -> str:
    lines = [in_per_cent(published.published)] if published.published else []
    lines += [
        f"**{in_per_cent(entry.mean, entry.deviation)}**, n = {len(entry.done)}"
        for entry in (found.entries if found else ())
        if entry.mean and not entry.remarks
    ]
    return "<br>".join(lines) or "-"


def main() -> None:
    """Write the table, or check it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--readme", type=Path, default=TOP / "README.md")
    parser.add_argument("--results", type=Path, default=TOP / "docs" / "zoo-results.json")
    arguments = parser.parse_args()
    before = arguments.readme.read_text(encoding="utf-8")
    try:
        now = updated(before, region(arguments.results))
    except pydantic.ValidationError as error:
        sys.exit(f"{arguments.results} is no table of crosscam zoo table: {error}")
    if now == before:
        return
    if arguments.check:
        sys.exit(f"{arguments.readme} is stale: run python tools/readme_table.py")
    write_text(arguments.readme, now)


if __name__ == "__main__":
    main()
