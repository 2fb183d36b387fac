"""`crosscam zoo table`, as a user runs it, and the README's table."""

import json
from pathlib import Path

import pytest
from command import crosscam, start
from grids import add_cell

TOP = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A working folder with a grid of one cell in its usual place."""
    folder = tmp_path_factory.mktemp("zoo")
    (folder / "runs" / "zoo").mkdir(parents=True)
    (folder / "pages").mkdir()
    add_cell(folder / "runs" / "zoo", scores=(0.7, 0.46))
    return folder


def test_the_table_is_printed_as_markdown_and_written_as_json(folder):
    done = crosscam("zoo", "table", "--json", "scores.json", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "[70.0 (46.0)](runs/zoo/squeezenet-xent-market1501-1/report.html), n = 1" in done.stdout
    content = json.loads((folder / "scores.json").read_text())
    row = next(row for row in content["rows"] if row["recipe"] == "squeezenet-xent")
    assert row["places"]["market1501"]["entries"][0]["mean"] == {"rank1": 0.7, "mAP": 0.46}


def test_a_page_in_another_folder_links_to_the_runs(folder):
    done = crosscam("zoo", "table", "--out", "pages/table.html", "--json", "-", cwd=folder)
    assert done.returncode == 0, done.stderr
    page = (folder / "pages" / "table.html").read_text(encoding="utf-8")
    assert 'href="../runs/zoo/squeezenet-xent-market1501-1/report.html"' in page
    assert json.loads(done.stdout)["data"][0] == "market1501"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--runs", "nope"], "there is no folder nope"),
        (["--runs", "pages"], "there are no records of cells in pages"),
        (["--out", "table.txt"], "does not say what to write; give --format"),
        (["--out", "nope/table.md"], "there is no folder nope"),
        (["--format", "pdf"], "'pdf'"),
    ],
)
def test_bad_input_is_refused_in_one_line(folder, arguments, message):
    done = crosscam("zoo", "table", *arguments, cwd=folder)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def readme_table(*arguments):
    return start(*arguments, program=TOP / "tools" / "readme_table.py", cwd=TOP).wait()


def test_the_table_of_the_readme_is_not_stale():
    done = readme_table("--check")
    assert done.returncode == 0, done.stderr


def test_a_stale_readme_is_told_and_written_anew_with_results(folder):
    done = crosscam("zoo", "table", "--out", "results.json", cwd=folder)
    assert done.returncode == 0, done.stderr
    readme = folder / "README.md"
    readme.write_text((TOP / "README.md").read_text(encoding="utf-8"), encoding="utf-8")
    options = ("--readme", readme, "--results", folder / "results.json")
    stale = readme_table("--check", *options)
    assert stale.returncode == 1
    assert "is stale: run python tools/readme_table.py" in stale.stderr
    assert readme_table(*options).returncode == 0
    assert "72.2 (47.9)<br>**70.0 (46.0)**, n = 1" in readme.read_text(encoding="utf-8")
    assert readme_table("--check", *options).returncode == 0
