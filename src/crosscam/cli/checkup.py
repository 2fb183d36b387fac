"""What `crosscam data check` prints: a summary that fits a screen, and the same as JSON."""

from typing import Any

from rich.table import Table

from crosscam.checking.check import Checkup
from crosscam.checking.faults import KINDS, Finding
from crosscam.cli.console import Screen


def print_checkup(checkup: Checkup, screen: Screen) -> None:
    """Print the counts, a line for each kind of finding, and the sum."""
    in_brackets = " (in brackets: as published)" if checkup.published else ""
    screen.print(f"{checkup.dataset.name}: {checkup.num_images:,} images opened{in_brackets}")
    for what, count in checkup.dataset.left_out.items():
        screen.print(f"left out: {count:,} {what}")
    screen.print(_counts(checkup))
    screen.print()
    if checkup.findings:
        screen.print(_kinds(checkup))
        screen.print()
    remarks = len(checkup.findings) - checkup.num_faults
    screen.print(f"faults: {checkup.num_faults:,}; remarks: {remarks:,}")


def as_json(checkup: Checkup) -> dict[str, Any]:
    """All that was found, for programs."""
    published = checkup.published
    return {
        "data": checkup.dataset.name,
        "images": checkup.num_images,
        "counts": {split: counts._asdict() for split, counts in checkup.counts.items()},
        "published": None if published is None else vars(published),
        "left_out": dict(checkup.dataset.left_out),
        "faults": checkup.num_faults,
        "remarks": len(checkup.findings) - checkup.num_faults,
        "findings": [_finding(finding) for finding in checkup.findings],
        "terms": checkup.dataset.terms,
    }


def _counts(checkup: Checkup) -> Table:
    """Counts by split, the published ones in brackets."""
    published = checkup.published
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for title in ("identities", "images", "cameras"):
        table.add_column(title, justify="right")
    for split, (identities, images, cameras) in checkup.counts.items():
        row = [f"{identities:,}", f"{images:,}", "not known" if cameras is None else f"{cameras}"]
        if published is not None:
            row[0] += f" ({published.train_pids:,})" if split == "train" else ""
            row[1] += f" ({getattr(published, f'{split}_images'):,})"
        table.add_row(split, *row)
    if published is not None:
        table.add_row("in all", "", "", f"({published.cameras})")
    return table


def _kinds(checkup: Checkup) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("", "what", "found", "the first"):
        right = title == "found"
        table.add_column(title, justify="right" if right else "left", overflow="fold")
    for kind, findings in checkup.by_kind().items():
        weight = "fault" if KINDS[kind].is_fault else "remark"
        rows = [[finding] for finding in findings] if kind == "note" else [findings]
        for row in rows:
            table.add_row(weight, KINDS[kind].title, f"{len(row):,}", _first(row[0]))
    return table


def _first(finding: Finding) -> str:
    if finding.kind in ("note", "shared-identity", "one-camera") or not finding.images:
        return finding.words
    return finding.images[0].sample.path.name


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "kind": finding.kind,
        "fault": finding.is_fault,
        "splits": list(finding.splits),
        "images": [
            {
                "path": str(image.sample.path),
                "pid": image.sample.pid,
                "camid": image.sample.camid,
                "splits": list(image.splits),
            }
            for image in finding.images
        ],
        "words": finding.words,
    }
