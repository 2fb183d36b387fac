"""`crosscam models`: the architectures, what they cost, and how fast they are here."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from crosscam.cli.console import screen_for
from crosscam.cli.output import check_json_file, write_json
from crosscam.devices import device_name, full_float32, resolve_device
from crosscam.embedding.runtimes.side_by_side import runtime_speeds
from crosscam.models.base import ReIDModel, count_parameters
from crosscam.models.cost import count_multiply_adds, measure_speed
from crosscam.models.registry import SWITCHED, list_models, refuse_unknown_model
from crosscam.models.switches import plain_name
from crosscam.weights.create import create_model


def show_models(names: Sequence[str], *, speed: bool, device: str, json_file: Path | None) -> None:
    """Print a row a model, of ours if none is named, and how fast each is here if asked for."""
    check_json_file(json_file)
    wanted = names or list_models()
    for name in wanted:
        refuse_unknown_model(name)
    place = resolve_device(device)
    rows = []
    left_out: dict[str, str] = {}
    for name in wanted:
        # as many training people and cameras as Market-1501 has
        model = create_model(name, num_classes=751, num_cameras=6)
        row = _describe(name, model)
        if speed:
            speeds, missing = _speeds(name, model.to(place))
            row["images_per_second"] = speeds
            left_out.update(missing)
        rows.append(row)
    console = screen_for(json_file)
    console.print(_table(rows, speed=speed))
    _print_switches(console, wanted)
    if speed:
        console.print(f"images a second on {device_name(place)}")
    for what, why in left_out.items():
        console.print(f"without {what}: {why}")
    content: dict[str, Any] = {"models": rows}
    if speed:
        content["device"] = device_name(place)
    write_json(content, json_file)


def _speeds(name: str, model: ReIDModel) -> tuple[dict[str, float], dict[str, str]]:
    """Images a second by what computes them, and why something is left out."""
    with full_float32():
        speeds = measure_speed(model)
    if next(model.parameters()).device.type != "cpu":
        return speeds, {}
    others, missing = runtime_speeds(model, name=name)
    return {**speeds, **others}, missing


def _describe(name: str, model: ReIDModel) -> dict[str, Any]:
    return {
        "name": name,
        "parameters": count_parameters(model),
        "multiply_adds": count_multiply_adds(model),
        "input": list(model.input_size),
        "feature_dim": model.feature_dim,
    }


def _table(rows: list[dict[str, Any]], *, speed: bool) -> Table:
    """What each model costs, or how fast it is: both would be wider than a screen."""
    table = Table(box=None, pad_edge=False)
    table.add_column("model")
    found = [name for row in rows for name in row.get("images_per_second", ())]
    formats = list(dict.fromkeys(found))
    for title in formats if speed else ("parameters", "multiply-adds", "input", "feature"):
        table.add_column(title, justify="right")
    for row in rows:
        costs = [
            f"{row['parameters'] / 1e6:.1f} M",
            f"{row['multiply_adds'] / 1e6:,.0f} M",
            "{} x {}".format(*row["input"]),
            str(row["feature_dim"]),
        ]
        speeds = [_shown(row["images_per_second"].get(name)) for name in formats]
        table.add_row(row["name"], *(speeds if speed else costs))
    return table


def _print_switches(console: Console, names: Sequence[str]) -> None:
    """What can be chosen of these models behind a colon of their names."""
    plain = dict.fromkeys(plain_name(name) for name in names)
    switched = {name: SWITCHED[name].known for name in plain if name in SWITCHED}
    if not switched:
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("model")
    table.add_column("switches, the first value where none is chosen")
    for name, known in switched.items():
        choices = (f"{key}={'|'.join(values)}" for key, values in known.items())
        table.add_row(name, escape("  ".join(choices)))
    console.print()
    console.print(table)
    first = next(iter(switched))
    (key, values), *_ = switched[first].items()
    console.print(f"chosen behind a colon, with commas between: {first}:{key}={values[-1]}")


def _shown(speed: float | None) -> str:
    return "" if speed is None else f"{speed:,.0f}/s"
