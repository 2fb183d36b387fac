"""The console that commands print to, on which nothing but what they mean to show is done.

What is printed comes from files and archives, too: names, labels, notes, terms. All of it goes
through a `Screen`, as one harmless line each.
"""

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from crosscam.screen import printable


class Screen(Console):
    """A console on which every string, also one in a table, is shown as `printable` writes it."""

    def __init__(self, *, stderr: bool, soft_wrap: bool = True) -> None:
        super().__init__(
            stderr=stderr, highlight=False, markup=False, emoji=False, soft_wrap=soft_wrap
        )

    def render_str(self, text: str, **how: Any) -> Text:
        """What rich makes of a string, wherever one is printed."""
        return super().render_str(printable(text), **how)


def screen_for(json_file: Path | None) -> Screen:
    """Where words for people go: standard output, unless `--json -` took it."""
    return Screen(stderr=is_stdout(json_file))


def is_stdout(json_file: Path | None) -> bool:
    """Whether a `--json` file is standard output."""
    return json_file is not None and str(json_file) == "-"
