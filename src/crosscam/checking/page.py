"""The page of a check: what was found, with pictures, in one file that needs nothing else."""

import base64
import io
from collections.abc import Collection
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, StrictUndefined
from PIL import Image

from crosscam.checking.check import Checkup
from crosscam.checking.faults import KINDS, Entry, Finding
from crosscam.data.images import read_image
from crosscam.errors import DataError
from crosscam.files import write_text
from crosscam.screen import printable, short_name

_FINDINGS, _IMAGES = 12, 6
_THUMBNAIL = (96, 144)
_UNREADABLE = ("corrupt", "empty", "huge")


class _Shown(NamedTuple):
    name: str
    label: str
    uri: str | None


class _Section(NamedTuple):
    title: str
    is_fault: bool
    found: int
    findings: list[tuple[str, list[_Shown], int]]


def write_page(page: Path, checkup: Checkup, *, version: str) -> None:
    """Write the page of a check, whole or not at all.

    Of each kind it shows 12 findings at most, and of each finding 6 images.
    """
    unreadable = {
        image.sample.path
        for finding in checkup.findings
        if finding.kind in _UNREADABLE
        for image in finding.images
    }
    sections = [
        _section(kind, findings, unreadable) for kind, findings in checkup.by_kind().items()
    ]
    notes = [f"{count:,} {what}" for what, count in checkup.dataset.left_out.items()]
    text = _template().render(
        checkup=checkup,
        left_out=[printable(note) for note in notes],
        sections=sections,
        version=version,
    )
    write_text(page, text)


def _section(kind: str, findings: list[Finding], unreadable: Collection[Path]) -> _Section:
    rows = []
    for finding in findings[:_FINDINGS]:
        shown = [_show(image, unreadable) for image in finding.images[:_IMAGES]]
        rows.append((printable(finding.words), shown, len(finding.images) - len(shown)))
    return _Section(KINDS[kind].title, KINDS[kind].is_fault, len(findings), rows)


def _show(image: Entry, unreadable: Collection[Path]) -> _Shown:
    path, pid, camid, _ = image.sample
    camera = "" if camid is None else f", camera {camid}"
    label = f"{', '.join(image.splits)}: person {pid}{camera}"
    return _Shown(short_name(path), label, None if path in unreadable else _uri(path))


def _uri(path: Path) -> str | None:
    try:
        thumbnail = read_image(path)
    except DataError:
        return None
    thumbnail.thumbnail(_THUMBNAIL, Image.Resampling.BICUBIC)
    content = io.BytesIO()
    thumbnail.save(content, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(content.getvalue()).decode()


def _template() -> Any:  # jinja2's Template
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    text = (files("crosscam.checking") / "page.html.jinja").read_text(encoding="utf-8")
    return environment.from_string(text)
