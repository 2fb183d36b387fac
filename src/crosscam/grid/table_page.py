"""The table as one HTML page that needs nothing else, on a wide screen and on a phone."""

from importlib.resources import files

from jinja2 import Environment, StrictUndefined

from crosscam.grid.table_layout import TITLE, Sheet


def to_html(sheet: Sheet) -> str:
    """The page; each figure is a link to the report of its run."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    text = (files("crosscam.grid") / "table.html.jinja").read_text(encoding="utf-8")
    return environment.from_string(text).render(sheet=sheet, title=TITLE) + "\n"
