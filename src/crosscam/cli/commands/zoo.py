"""What `crosscam zoo` and its commands are called with."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from crosscam.cli.commands.names import complete_data, complete_recipe
from crosscam.cli.commands.options import Device, JsonFile, Root

_GRID = Path("runs/zoo")
Format = Literal["markdown", "html", "csv", "latex", "json"]


@dataclass(frozen=True)
class CellOptions:
    """Which cells of the grid: recipes x data sets x seeds, and what is changed in each."""

    recipes: Annotated[
        list[str] | None,
        typer.Option(
            "--recipes",
            metavar="NAME,...",
            autocompletion=complete_recipe,
            help="Recipes.  [default: the published]",
        ),
    ] = None
    data: Annotated[
        list[str] | None,
        typer.Option(
            "--data",
            metavar="NAME,...",
            autocompletion=complete_data,
            help="Data sets.  [default: the published]",
        ),
    ] = None
    seeds: Annotated[
        int, typer.Option("--seeds", min=1, max=100, help="Seeds 1 to N of each cell.")
    ] = 3
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a setting of every recipe."),
    ] = None
    from_scratch: Annotated[
        bool,
        typer.Option("--from-scratch", help="Start at random, not from ImageNet weights."),
    ] = False


def list_zoo(json_file: JsonFile = None) -> None:
    """List the published table, the weights that were published, and where they are."""
    from crosscam.cli.zoo import show_zoo

    show_zoo(json_file)


def run(
    cells: CellOptions,
    root: Root = None,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Cells trained at a time.")] = 1,
    device: Device = "auto",
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The grid's folder.")] = _GRID,
    dry_run: Annotated[  # noqa: FBT002
        bool, typer.Option("--dry-run", help="Say what would be done, how long, how much disk.")
    ] = False,
    json_file: JsonFile = None,
) -> None:
    """Train and test recipes on data sets, with several seeds, skipping what is done."""
    from crosscam.cli.zoo_run import run_cells

    run_cells(cells, out, root=root, jobs=jobs, device=device, dry_run=dry_run, json_file=json_file)


def table(
    runs: Annotated[Path, typer.Option("--runs", metavar="DIR", help="The grid's folder.")] = _GRID,
    kind: Annotated[
        Format | None,
        typer.Option(
            "--format", help="What to write.  [default: by the name of --out, else markdown]"
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Write to a file, not to standard output."),
    ] = None,
    json_file: JsonFile = None,
) -> None:
    """Make the published table again from what `crosscam zoo run` trained."""
    from crosscam.cli.zoo_table import write_grid_table

    write_grid_table(runs, kind, out, json_file=json_file)
