"""What pydantic finds wrong with settings, in words that name the key and what it may be."""

import dataclasses
import difflib
from collections.abc import Mapping, Sequence
from types import NoneType
from typing import Any, get_args, get_type_hints

from pydantic import BaseModel, ValidationError

from crosscam.settings.losses import LIST, LOSSES, TABLE, LossTable

_LONGEST = 80
_UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")


def explain_faults(error: ValidationError, settings: type[Any]) -> str:
    """All that is wrong, a clause a fault; `settings` is what was validated."""
    return "; ".join(_explain(dict(fault), settings) for fault in error.errors())


def first_fault(error: ValidationError) -> str:
    """What is wrong first in a file of JSON, and where."""
    fault = error.errors()[0]
    where = ".".join(str(part) for part in fault["loc"]) or "the file"
    return f"{where}: {fault['msg']}"


def shortened(text: str) -> str:
    """Text that fits into a message: a long one is cut."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _explain(fault: Mapping[str, Any], settings: type[Any]) -> str:
    path = tuple(fault["loc"])
    key = shortened(_key(path))
    kind, context = fault["type"], fault.get("ctx", {})
    if kind in _UNKNOWN:
        known = _keys_beside(path[:-1], settings)
        near = difflib.get_close_matches(str(path[-1]), known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
        return f"unknown key {key}; {hint}"
    if kind == "union_tag_invalid":
        found = shortened(str(context["tag"]))
        return f"{key}.name: unknown loss {found!r}; known are {', '.join(LOSSES)}"
    if kind == "union_tag_not_found":
        return f"{key}.name is missing; known are {', '.join(LOSSES)}"
    if kind == "missing":
        return f"{key} is missing"
    message = fault["msg"].removeprefix("Value error, ")
    found = "" if isinstance(fault["input"], Mapping) else f", not {_say(fault['input'])}"
    return f"{key}: {message}{found}" if key else f"{message}{found}"


def _say(value: Any) -> str:
    try:
        return shortened(repr(value))
    except (RecursionError, ValueError):  # nested too deeply, or a number of too many digits
        return f"such a {type(value).__name__}"


def _key(path: Sequence[str | int]) -> str:
    """The key as one would write it: a loss in a list by its name, else by its place from 1."""
    parts: list[str] = []
    for place, part in enumerate(path):
        if part in (TABLE, LIST):
            continue
        if isinstance(part, int):
            if place + 1 == len(path) or path[place + 1] not in LOSSES:
                parts[-1] += f"[{part + 1}]"
            continue
        parts.append(part)
    return ".".join(parts)


def _keys_beside(path: Sequence[str | int], settings: type[Any]) -> list[str]:
    kind: Any = settings
    for part in path:
        if part == TABLE:
            kind = LossTable
        elif part in LOSSES:
            kind = LOSSES[str(part)]
        elif isinstance(part, str) and part != LIST:
            kind = _fields(kind).get(part)
    return list(_fields(kind))


def _fields(kind: Any) -> Mapping[str, Any]:
    """The fields of a table, which may be left out, with their types; none for what is no table."""
    if NoneType in get_args(kind):
        kind = get_args(kind)[0]
    if dataclasses.is_dataclass(kind):
        hints = get_type_hints(kind)
        return {field.name: hints[field.name] for field in dataclasses.fields(kind)}
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return {name: field.annotation for name, field in kind.model_fields.items()}
    return {}
