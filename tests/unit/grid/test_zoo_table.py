"""The table of a grid: what is averaged, what is marked, and each format."""

import csv
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from grids import add_cell

import crosscam
from crosscam.errors import RunError, WeightsError
from crosscam.grid.results import read_results
from crosscam.grid.table import Pair, Table
from crosscam.grid.table_csv import COLUMNS, to_csv
from crosscam.grid.table_latex import escape as escape_latex
from crosscam.grid.table_latex import to_latex
from crosscam.grid.table_layout import lay_out
from crosscam.grid.table_markdown import escape as escape_markdown
from crosscam.grid.table_markdown import to_markdown
from crosscam.grid.table_page import to_html
from crosscam.zoo.figures import published_figures

TOML = Path(crosscam.__file__).parent / "zoo" / "recipes"
SHORT = ("schedule.epochs=6", "schedule.milestones=[2]")


def table_of(grid):
    return Table.of(read_results(grid), published_figures())


def place(grid, recipe="squeezenet-xent", data="market1501"):
    return next(row for row in table_of(grid).rows if row.recipe == recipe).places[data]


def line(grid, recipe="squeezenet-xent", data="market1501"):
    """The first line of a place in the sheet, and the notes that it bears."""
    sheet = lay_out(table_of(grid))
    row = next(row for row in sheet.rows if row.recipe == recipe)
    found = row.squares[sheet.data.index(data)].lines[0]
    return found, [sheet.notes[number - 1] for number in found.notes]


@pytest.mark.slow
def test_seeds_are_averaged_with_the_deviation_of_a_sample(tmp_path):
    for seed, scores in enumerate([(0.70, 0.46), (0.72, 0.48), (0.77, 0.50)], 1):
        add_cell(tmp_path, seed=seed, scores=scores)
    (entry,) = place(tmp_path).entries
    assert entry.mean.rank1 == pytest.approx(0.73)
    assert entry.deviation.rank1 == pytest.approx(0.0360555)  # sqrt((9 + 1 + 16) / 2) per cent
    assert entry.deviation.mAP == pytest.approx(0.02)
    assert entry.difference.rank1 == pytest.approx(0.73 - 0.722)
    assert entry.difference.mAP == pytest.approx(0.48 - 0.479)
    found, notes = line(tmp_path)
    assert found.figure == "73.0 ± 3.6 (48.0 ± 2.0)"
    assert (found.seeds, found.difference, notes) == (3, "+0.8 (+0.1)", [])


def test_one_seed_has_no_deviation_and_a_difference_may_be_negative(tmp_path):
    add_cell(tmp_path, scores=(0.70, 0.46))
    (entry,) = place(tmp_path).entries
    assert entry.deviation is None
    found, _ = line(tmp_path)
    assert (found.figure, found.seeds, found.difference) == ("70.0 (46.0)", 1, "-2.2 (-1.9)")


def test_a_difference_that_rounds_to_nothing_has_no_minus(tmp_path):
    add_cell(tmp_path, scores=(0.7219, 0.4786))
    assert line(tmp_path)[0].difference == "+0.0 (+0.0)"


@pytest.mark.parametrize(
    ("other", "note"),
    [
        ({"version": "0.2.0"}, "by crosscam 0.1.0"),
        ({"fingerprint": "beef"}, "data of fingerprint 5eed"),
    ],
)
def test_versions_and_files_are_never_averaged_together(tmp_path, other, note):
    add_cell(tmp_path, seed=1, scores=(0.7, 0.4))
    add_cell(tmp_path, seed=2, scores=(0.8, 0.5), **other)
    entries = place(tmp_path).entries
    assert [entry.mean for entry in entries] == [
        Pair(rank1=0.7, mAP=0.4),
        Pair(rank1=0.8, mAP=0.5),
    ]
    assert line(tmp_path)[1] == [note]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"recipe": "squeezenet-xent", "overrides": SHORT},
            ["schedule.epochs 6, not 60", "schedule.milestones [2], not [20, 40]"],
        ),
        (
            {"recipe": "resnet50-xent", "from_scratch": True},
            ["weights none, not imagenet"],
        ),
        (
            {"overrides": ("compute.autocast=bf16",)},
            ["compute.autocast bf16, not none"],
        ),
        (
            {"counts": {"train": 9, "train_identities": 751, "query": 3_368, "gallery": 15_913}},
            ["9 images to train on, published are 12,936"],
        ),
    ],
)
def test_what_is_not_as_published_is_marked_and_not_compared(tmp_path, changes, words):
    add_cell(tmp_path, scores=(0.9, 0.9), **changes)
    recipe = changes.get("recipe", "squeezenet-xent")
    (entry,) = place(tmp_path, recipe).entries
    assert list(entry.remarks) == words
    assert entry.difference is None
    _, notes = line(tmp_path, recipe)
    assert notes == [f"not as the recipe or the data set says: {'; '.join(words)}"]


def test_changes_of_the_machine_alone_are_no_changes(tmp_path):
    machine = ("compute.threads=1", "compute.memory_format=contiguous", "workers=0", "device=cpu")
    add_cell(tmp_path, seed=1)
    add_cell(tmp_path, seed=2, overrides=machine)
    (entry,) = place(tmp_path).entries
    assert entry.remarks == ()
    assert len(entry.done) == 2


def test_a_changed_recipe_stands_after_the_unchanged_one(tmp_path):
    add_cell(tmp_path, scores=(0.9, 0.9), overrides=SHORT)
    add_cell(tmp_path, scores=(0.7, 0.4))
    assert [entry.mean.rank1 for entry in place(tmp_path).entries] == [0.7, 0.9]


def test_the_variant_of_the_published_table_stands_in_its_column_others_have_their_own(tmp_path):
    add_cell(tmp_path, data="cuhk03:detected", scores=(0.3, 0.2))
    add_cell(tmp_path, data="cuhk03:labeled", scores=(0.3, 0.2), counts={"train": 7_368, **LABELED})
    assert table_of(tmp_path).data == (*published_figures().data, "cuhk03:labeled")
    assert place(tmp_path, data="cuhk03").entries[0].difference.rank1 == pytest.approx(0.031)
    assert place(tmp_path, data="cuhk03:labeled").published is None
    assert place(tmp_path, data="cuhk03:labeled").entries[0].difference is None


LABELED = {"train_identities": 767, "query": 1_400, "gallery": 5_328}


def test_cells_without_a_figure_say_why(tmp_path):
    add_cell(tmp_path, status="failed", reason="out of memory")
    add_cell(tmp_path, data="msmt17:v1", status="no data", reason="no such folder", fingerprint="")
    add_cell(tmp_path, data="people", status="running")
    assert line(tmp_path)[0].figure == "failed"
    assert line(tmp_path)[1] == ["seed 1, failed: out of memory"]
    assert line(tmp_path, data="msmt17")[0].figure == "no data"
    assert line(tmp_path, data="people")[0].figure == "not finished"
    assert line(tmp_path, data="dukemtmcreid")[0].figure == "not run"


def test_seeds_that_failed_are_told_beside_the_mean_of_the_others(tmp_path):
    add_cell(tmp_path, seed=1, scores=(0.7, 0.4))
    add_cell(tmp_path, seed=2, status="failed", reason="killed")
    found, notes = line(tmp_path)
    assert (found.figure, found.seeds, found.others) == ("70.0 (40.0)", 1, "1 failed")
    assert notes == ["seed 2, failed: killed"]


def test_speeds_are_means_by_device_and_settings(tmp_path):
    here = {"device": "CPU", "threads": 2}
    for seed, speed in ((1, 20.0), (2, 30.0)):
        add_cell(tmp_path, seed=seed, train_images_per_second=speed, **here)
    add_cell(tmp_path, seed=3, test_images_per_second=2_000.0, device="GPU")
    add_cell(tmp_path, overrides=SHORT, train_images_per_second=7.25, **here)
    sheet = lay_out(table_of(tmp_path))
    speeds = next(row for row in sheet.rows if row.recipe == "squeezenet-xent").speeds
    assert [speed.figure for speed in speeds] == ["25 / -", "- / 2,000", "7.2 / -"]
    assert [sheet.notes[speed.notes[-1] - 1] for speed in speeds] == [
        "speed on CPU, 2 threads",
        "speed on GPU",
        "speed on CPU, 2 threads",
    ]
    assert "schedule.epochs 6" in sheet.notes[speeds[2].notes[0] - 1]


def test_an_own_recipe_has_a_row_and_no_published_figures(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (TOML / "squeezenet-xent.toml").read_text()
    (tmp_path / "resnet50-xent.toml").write_text(text)
    grid = tmp_path / "grid"
    grid.mkdir()
    add_cell(grid, "resnet50-xent.toml", overrides=SHORT)
    found = table_of(grid).rows[-1]
    assert (found.recipe, found.model) == ("resnet50-xent.toml", "squeezenet")
    assert found.places["market1501"].published is None
    assert found.places["market1501"].entries[0].remarks == SHORT


def test_another_end_is_counted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (TOML / "resnet50-xent.toml").read_text()
    (tmp_path / "headed.toml").write_text(f'{text}\n[head]\nname = "bnneck"\n')
    grid = tmp_path / "grid"
    grid.mkdir()
    add_cell(grid, "headed.toml", overrides=SHORT)
    assert table_of(grid).rows[-1].parameters == 23_508_032 + 2048


def test_rows_are_all_recipes_and_parameters_those_of_features(tmp_path):
    add_cell(tmp_path)
    rows = {row.recipe: row.parameters for row in table_of(tmp_path).rows}
    assert list(rows)[: len(published_figures().scores)] == list(published_figures().scores)
    assert set(rows) == {file.stem for file in TOML.glob("*.toml")}
    assert rows["squeezenet-xent"] == 1_126_639
    assert rows["resnet50-xent"] == 23_508_032


@pytest.mark.parametrize("empty", [True, False])
def test_a_folder_without_a_grid_is_refused(tmp_path, empty):
    with pytest.raises(RunError, match="no records of cells" if empty else "there is no folder"):
        read_results(tmp_path if empty else tmp_path / "nope")


def test_one_training_counts_once(tmp_path):
    add_cell(tmp_path)
    add_cell(tmp_path)
    with pytest.raises(RunError, match="are of the same training, which counts once"):
        read_results(tmp_path)


def test_a_run_that_is_not_what_its_record_says_is_refused(tmp_path):
    run, other = add_cell(tmp_path), add_cell(tmp_path, seed=2)
    for file in ("recipe.toml", "model.json"):
        (run / file).write_bytes((other / file).read_bytes())
    with pytest.raises(RunError, match="is not the run of its record"):
        read_results(tmp_path)


def test_a_finished_run_without_its_card_scores_or_counts_is_refused(tmp_path):
    run = add_cell(tmp_path)
    card = json.loads((run / "model.json").read_text())
    (run / "model.json").write_text(json.dumps({**card, "scores": {}}))
    with pytest.raises(RunError, match="has no scores on market1501"):
        read_results(tmp_path)
    (run / "model.json").write_text(json.dumps(card))
    (run / "environment.json").write_text("{}")
    with pytest.raises(RunError, match="environment.json does not say how large the data are"):
        read_results(tmp_path)
    (run / "model.json").unlink()
    with pytest.raises(WeightsError, match="no trained model in"):
        read_results(tmp_path)


@pytest.fixture
def grid(tmp_path):
    """A grid with several seeds, a single one, a changed recipe, and a failure of odd words."""
    folder = tmp_path / "a grid"
    folder.mkdir()
    for seed in (1, 2):
        add_cell(folder, seed=seed, scores=(0.70 + seed / 100, 0.46))
    add_cell(folder, "hacnn-xent", scores=(0.9, 0.7))
    add_cell(folder, "hacnn-xent", data="people", overrides=SHORT)
    add_cell(folder, "resnet50-xent", status="failed", reason='a_b | 5 % <b>&"\\{x}\n#$~^')
    return folder


def test_markdown_links_each_figure_to_its_run(grid):
    text = to_markdown(lay_out(table_of(grid), prefix="../a grid/"))
    links = re.findall(r"\[([^]]+)\]\(([^)\s]+)\)", text)
    assert ("90.0 (70.0)", "../a%20grid/hacnn-xent-market1501-1/report.html") in links
    assert ("2", "../a%20grid/squeezenet-xent-market1501-2/report.html") in links
    assert len(links) == 4
    assert "71.5 ± 0.7 (46.0 ± 0.0), n = 2 (seeds [1](" in text
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {len(table_of(grid).data) + 4}
    assert r"failed: a\_b \| 5 % &lt;b&gt;&amp;" in text


def test_markup_is_escaped():
    assert escape_markdown("a_b|c\n<d>`*") == r"a\_b\|c &lt;d&gt;\`\*"
    assert escape_latex("50 % of a_b & {c} #1 $2 ~ ^ \\x\ny") == (
        r"50 \% of a\_b \& \{c\} \#1 \$2 \textasciitilde{} \textasciicircum{} "
        r"\textbackslash{}x y"
    )


class _Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.links, self.ids, self.outside = [], set(), []

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.ids.add(found.get("id"))
        if tag == "a":
            self.links.append(found["href"])
        self.outside += [found[key] for key in ("src", "srcset") if key in found]


def test_the_page_needs_nothing_else_and_its_links_lead_somewhere(grid):
    page = to_html(lay_out(table_of(grid), prefix="a grid/"))
    parser = _Links()
    parser.feed(page)
    reports = [link for link in parser.links if not link.startswith("#")]
    assert len(reports) == 4
    assert all((grid.parent / link.replace("%20", " ")).is_file() for link in reports)
    notes = [link for link in parser.links if link.startswith("#")]
    assert notes
    assert {link[1:] for link in notes} <= parser.ids
    assert not parser.outside
    [policy] = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)
    assert policy.split("; ")[0] == "default-src 'none'"
    assert "script-src" not in policy
    assert "<link" not in page
    assert "<b>&" not in page
    assert "&lt;b&gt;&amp;" in page


def test_latex_is_balanced_with_as_many_columns_in_each_row(grid):
    text = to_latex(lay_out(table_of(grid)))
    bare = re.sub(r"\\[{}]", "", text)
    assert bare.count("{") == bare.count("}")
    assert bare.count("$") % 2 == bare.count(r"\$") % 2
    for part in ("table*", "tabular"):
        assert text.count(rf"\begin{{{part}}}") == text.count(rf"\end{{{part}}}") == 1
    columns = re.search(r"\\begin\{tabular\}\{(\w+)\}", text)[1]
    assert len(columns) == 4 + len(table_of(grid).data)
    body = text[text.index(r"\midrule") : text.index(r"\bottomrule")]
    rows = [row for row in body.splitlines() if row.endswith(r"\\")]
    assert {len(re.findall(r"(?<!\\)&", row)) + 1 for row in rows} == {len(columns)}
    assert r"found & 71.5 $\pm$ 0.7 (46.0 $\pm$ 0.0), $n = 2$" in text
    assert "difference & $-$0.7 ($-$1.9)" in text
    assert r"a\_b \textbar{} 5 \% \textless{}b\textgreater{}\&\textquotedbl{}" in text


def test_csv_has_a_line_an_entry(grid):
    rows = list(csv.DictReader(io.StringIO(to_csv(table_of(grid)))))
    assert tuple(rows[0]) == COLUMNS
    found = {(row["recipe"], row["data"]): row for row in rows}
    squeezenet = found["squeezenet-xent", "market1501"]
    assert float(squeezenet["rank1"]) == pytest.approx(0.715)
    assert float(squeezenet["published_rank1"]) == 0.722
    assert (squeezenet["n"], squeezenet["seeds"], squeezenet["status"]) == ("2", "1; 2", "done")
    changed = found["hacnn-xent", "people"]
    assert changed["remarks"].startswith("schedule.epochs 6, not 60")
    assert changed["rank1_difference"] == ""
    assert found["resnet50-xent", "market1501"]["status"] == "failed"
    assert found["resnet50-xent", "msmt17"]["status"] == "not run"


def test_json_is_the_whole_table_in_fractions(grid):
    table = table_of(grid)
    assert Table.model_validate_json(table.model_dump_json()) == table
    content = json.loads(table.model_dump_json())
    row = next(row for row in content["rows"] if row["recipe"] == "squeezenet-xent")
    assert row["places"]["market1501"]["published"] == {"rank1": 0.722, "mAP": 0.479}
    assert row["places"]["market1501"]["entries"][0]["mean"]["rank1"] == pytest.approx(0.715)
