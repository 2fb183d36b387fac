"""What stands in files, on a screen: whatever it is, harmless and on one line."""

import os
from pathlib import Path


def printable(text: str) -> str:
    """The text with line breaks, control and direction marks and broken characters as escapes."""
    if text.isprintable():
        return text
    return "".join(mark if mark.isprintable() else ascii(mark)[1:-1] for mark in text)


def shown(path: str | os.PathLike[str]) -> str:
    """A path as it is, printable; in quotes if blanks in it could be overlooked."""
    text = printable(os.fspath(path))
    return f"'{text}'" if text != " ".join(text.split()) or "\\" in text else text


def short_name(path: Path) -> str:
    """A file's folder and name, printable."""
    return printable("/".join(path.parts[-2:]))
