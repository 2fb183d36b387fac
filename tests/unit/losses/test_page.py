"""The page on losses says what they are: names, settings, defaults, and examples that are taken."""

import re
import shlex
import tomllib
from pathlib import Path

from crosscam.losses.margins import MARGINS
from crosscam.recipe import load_recipe
from crosscam.settings.losses import LOSSES, LossTable

PAGE = (Path(__file__).parents[3] / "docs" / "losses.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if line.startswith("| `")
]


def said(value):
    return str(value).lower() if isinstance(value, bool) else repr(value)


def test_the_table_has_every_loss_its_settings_and_its_defaults():
    rows = {row[0].strip("`"): row for row in ROWS[: len(LOSSES)]}
    assert list(rows) == list(LOSSES)
    for name, kind in LOSSES.items():
        own = {
            key: field.default
            for key, field in kind.model_fields.items()
            if key not in ("name", "weight", "on")
        }
        expected = ", ".join(f"`{key}` {said(value)}" for key, value in own.items())
        assert rows[name][1] == expected
        assert rows[name][2] == ("yes" if kind.compares_images else "no")
        assert kind(name=name).weight == (5e-4 if name == "center" else 1)
        assert f"**`{name}`**" in PAGE
    assert {row[0].strip("`") for row in ROWS[len(LOSSES) :]} == set(MARGINS)


def test_its_examples_are_taken():
    listed = re.search(r"\n((?:    .*\n|\n)+)and the command line", PAGE)[1]
    parts = tomllib.loads(listed.replace("    ", ""))["loss"]
    assert [LOSSES[part["name"]](**part).name for part in parts] == ["xent", "triplet", "center"]
    commands = [shlex.split(line) for line in PAGE.splitlines() if line.startswith("    crosscam ")]
    for _, _, recipe, *options in commands:
        assert load_recipe(recipe, [options[options.index("--set") + 1]]).losses
    assert len(commands) == 3
    assert (LossTable().xent, LossTable().triplet) == (1, 0)
