"""How the names of own pictures say who is in them: patterns such as `{pid}_{camid}_*.jpg`."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import NamedTuple

from crosscam.data.labels import tidy
from crosscam.errors import DataError

_PARTS = re.compile(r"(\{[^{}]*\}|\*)")
_FIELDS = ("{pid}", "{camid}", "{time}")
_ENDING = re.compile(r"\.[^./]+$")


class Names(NamedTuple):
    """What a path says: the name of the person, and of the camera where the pattern has it."""

    pid: str
    camid: str | None


@dataclass(frozen=True)
class NamePattern:
    """A pattern that was checked; made by `parse_pattern`."""

    text: str
    expression: re.Pattern[str]

    def read(self, path: str) -> Names | None:
        """The names in a path, relative and with forward slashes; None if it does not match."""
        fields = self.fields(path)
        return None if fields is None else Names(fields["pid"], fields.get("camid"))

    def fields(self, path: str) -> dict[str, str] | None:
        """What stands in a path for each field of the pattern; None if it does not match."""
        found = self.expression.fullmatch(unicodedata.normalize("NFC", path))
        if found is None:
            return None
        fields = {field: tidy(name) for field, name in found.groupdict().items()}
        return fields if all(fields.values()) else None


def parse_pattern(text: str) -> NamePattern:
    """Read a pattern of whole paths below a folder, with forward slashes.

    `{pid}`, `{camid}` and `{time}`, which files of features alone keep, stand for one or more
    characters, without the character that follows them in the pattern; `*` stands for anything or
    nothing, as much as can be; neither goes past a `/`. All else stands for itself, but for a
    suffix at the end, whose case does not count. Raises
    `DataError` for a pattern without `{pid}`, with an unknown field or the same one twice, or in
    which it is not clear where a field begins or ends.
    """
    parts = [part for part in _PARTS.split(unicodedata.normalize("NFC", text)) if part]
    fault = next(chain(_faults_of_fields(parts), _faults_of_places(parts)), None)
    if fault:
        raise DataError(
            f"the pattern {text!r} {fault}; patterns look like '{{pid}}_{{camid}}_*.jpg' or "
            "'{pid}/*'"
        )
    expressions = [_expression(part, after) for part, after in pairwise([*parts, ""])]
    return NamePattern(text, re.compile("".join(expressions), re.DOTALL))


def _faults_of_fields(parts: list[str]) -> Iterator[str]:
    for part in parts:
        if part.startswith("{") and part.endswith("}") and part not in _FIELDS:
            yield f"has the unknown field {part}; the fields are {{pid}}, {{camid}} and {{time}}"
        elif not _PARTS.fullmatch(part) and ("{" in part or "}" in part):
            yield "has a brace that belongs to no field"
    for field in _FIELDS:
        if parts.count(field) > 1:
            yield f"has {field} twice"
    if "{pid}" not in parts:
        yield "has no {pid}, so it does not say who is in a picture"


def _faults_of_places(parts: list[str]) -> Iterator[str]:
    if parts[0].startswith("/"):
        yield "begins with /, but it is compared with paths below the root"
    for part, after in pairwise([*parts, ""]):
        if part == after == "*":
            yield "has **, but * stays within one folder"
        elif part in _FIELDS and (not after or after in ("*", *_FIELDS)):
            follows = f"before {after}" if after else "at the end"
            yield f"has {part} {follows}; put what ends it behind it, such as _ or .jpg or .*"
        elif part == "*" and after in _FIELDS:
            yield f"has {after} behind *; put what begins it before it, such as _"


def _expression(part: str, after: str) -> str:
    if part == "*":
        return "[^/]*"
    if part in _FIELDS:
        return f"(?P<{part[1:-1]}>[^/{re.escape(after[0])}]+)"
    ending = None if after else _ENDING.search(part)
    if ending is None:
        return re.escape(part)
    return f"{re.escape(part[: ending.start()])}(?i:{re.escape(ending[0])})"
