"""How large the house is: lines and files of each room, and the longest files.

    python benchmarks/rooms.py [src/crosscam]

Prints a Markdown table of the package at that place, so that two commits can be compared.
"""

import argparse
from collections import defaultdict
from pathlib import Path

LONGEST = 5
KINDS = {".py", ".js", ".css", ".jinja", ".toml"}


def count_lines(package: Path) -> dict[Path, int]:
    """Lines of every file of ours below a package, by its path there."""
    files = sorted(file for file in package.rglob("*") if file.suffix in KINDS)
    return {
        file.relative_to(package): len(file.read_text(encoding="utf-8").splitlines())
        for file in files
    }


def main() -> None:
    """Count, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package", nargs="?", type=Path, default=Path("src/crosscam"))
    lines = count_lines(parser.parse_args().package)
    rooms: dict[str, list[int]] = defaultdict(list)
    for file, count in lines.items():
        rooms[file.parts[0] if len(file.parts) > 1 else "(the ground and the top)"].append(count)
    print("| room | files | lines | longest |\n|---|---:|---:|---:|")
    for room, counts in sorted(rooms.items()):
        print(f"| {room} | {len(counts)} | {sum(counts)} | {max(counts)} |")
    print(f"| all | {len(lines)} | {sum(lines.values())} | {max(lines.values())} |\n")
    for file in sorted(lines, key=lines.__getitem__, reverse=True)[:LONGEST]:
        print(f"{lines[file]:5} {file}")


if __name__ == "__main__":
    main()
