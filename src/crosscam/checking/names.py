"""Names of files as they can be shown: whatever is in them, one harmless line."""

from pathlib import Path


def printable(text: str) -> str:
    """The text with line breaks, control marks and broken characters written as escapes."""
    return "".join(mark if mark.isprintable() else ascii(mark)[1:-1] for mark in text)


def short_name(path: Path) -> str:
    """A file's folder and name, printable."""
    return printable("/".join(path.parts[-2:]))
