"""Which cells a grid has, what is to be done for each, and what is kept of them."""

import io
import json

import pytest
from pydantic import create_model
from tiny import TINY, write_market

import crosscam
from crosscam.cli.commands.zoo import CellOptions
from crosscam.cli.console import Screen
from crosscam.cli.zoo_run import _open, _show_plan, choose_cells
from crosscam.errors import RunError, WeightsError
from crosscam.grid import planning
from crosscam.grid.cell_process import EventWatcher, run_job
from crosscam.grid.cells import Cell, CellData, read_records, recipe_hash, record_file, write_record
from crosscam.grid.estimates import Estimate, estimate
from crosscam.grid.planning import OpenedData, plan, with_starts
from crosscam.grid.run import Machine, run_grid
from crosscam.recipe import Recipe, load_recipe
from crosscam.zoo.figures import published_figures

SMALL = ("input.height=64", "input.width=32", "schedule.epochs=2", "schedule.milestones=[]")


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    root = write_market(tmp_path_factory.mktemp("market"))
    return OpenedData(crosscam.load_dataset("market1501", root))


def planned(cells, grid, market):
    missing = OpenedData(None, "no such folder")
    return plan(cells, grid, {CellData("market1501"): market, CellData("msmt17"): missing})


def cell(recipe="mobilenetv2-xent", data="market1501", seed=1, **changes):
    return Cell(recipe, data, seed, **{"overrides": SMALL, **changes})


def choose(recipes=None, data=None, seeds=1, **changes):
    return choose_cells(CellOptions(recipes, data, seeds, **changes))


def test_the_whole_grid_is_what_was_published():
    cells = choose()
    figures = published_figures()
    assert len(cells) == sum(len(row) for row in figures.scores.values()) == 34
    assert all(figures.of(one.recipe, one.data) for one in cells)
    assert len(choose(seeds=3)) == 3 * 34


def test_cells_that_cannot_be_run_are_counted_by_reason(tmp_path, market, capsys):
    cells = [cell(seed=seed, data=data) for seed in (1, 2) for data in ("market1501", "msmt17")]
    steps = planned(cells, tmp_path / "grid", market)
    _show_plan(Screen(stderr=False), steps, [Estimate(60.0, 1_000_000)] * 4)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["2", "no", "such", "folder"] in lines
    assert sum("mobilenetv2-xent-market1501-" in line[0] for line in lines) == 2
    assert not any("msmt17" in word for line in lines for word in line)


def test_other_parts_of_the_grid():
    assert len(choose(data=["people"])) == 10
    assert {one.data for one in choose(data=["cuhk03,msmt17"])} == {"cuhk03", "msmt17"}
    named = choose(recipes=["densenet121-htri"], data=["cuhk03", "people"])
    assert [one.name for one in named] == ["densenet121-htri-cuhk03-1", "densenet121-htri-people-1"]
    assert choose(recipes=["hacnn-xent,hacnn-xent"], data=["cuhk03:labeled"])[0].name == (
        "hacnn-xent-cuhk03_labeled-1"
    )
    scratch = choose(recipes=["resnet50-xent,hacnn-xent"], data=["people"], from_scratch=True)
    assert [one.from_scratch for one in scratch] == [True, False]
    assert scratch[0].resolve().weights == "none"
    for wrong in ({"recipes": ["resnet5-xent"]}, {"data": ["markt"]}):
        with pytest.raises(crosscam.CrosscamError, match="unknown"):
            choose(**wrong)


def test_a_hash_is_of_what_is_computed_and_not_of_the_machine():
    first = cell().resolve()
    same = cell(overrides=(*SMALL, "workers=0", "device=cpu", "compute.threads=1")).resolve()
    assert recipe_hash(first) == recipe_hash(same) == recipe_hash(cell(seed=2).resolve())
    assert recipe_hash(first) != recipe_hash(cell(overrides=SMALL[:-2]).resolve())
    assert recipe_hash(first) != recipe_hash(
        cell(overrides=(*SMALL, "compute.autocast=bf16")).resolve()
    )


def test_what_cannot_be_run_says_why_and_keeps_nothing_else(market, tmp_path):
    steps = planned(
        [cell(), cell(data="msmt17"), cell(overrides=("schedule.epoch=1",))], tmp_path, market
    )
    assert [step.state for step in steps] == ["run", "cannot", "cannot"]
    assert steps[1].reason == "no such folder"
    assert "did you mean epochs?" in steps[2].reason


def test_a_recipe_that_asks_for_its_start_cannot_be_run_before_it_is_told(market, tmp_path):
    small = ("input.height=64", "input.width=32", "weights=/a/start.pth")
    told = (*small, "weights_licence=MIT")
    cells = [cell("person-vit_small", overrides=given) for given in ((), small, told)]
    steps = planned(cells, tmp_path, market)
    assert [step.state for step in steps] == ["cannot", "cannot", "run"]
    assert "weights that crosscam does not hand out" in steps[0].reason
    assert "state by which licence you may use /a/start.pth" in steps[1].reason


def test_what_labels_and_settings_decide_is_told_in_the_plan(market, tmp_path):
    wrong = [
        cell(overrides=(*SMALL, "test.expand=1000")),
        cell(overrides=(*SMALL, "test.protocol=no-cameras", "test.expand=12")),
    ]
    steps = planned(wrong, tmp_path, market)
    assert [step.state for step in steps] == ["cannot", "run"]
    assert "expand is 1000, but the gallery has 12" in steps[0].reason


def test_cells_that_pool_queries_read_the_images_to_be_pooled(tmp_path):
    root = write_market(tmp_path / "market", by_hand=1)
    drawn = ("schedule.kind=steps", "batch.identities=2", "batch.images_per_identity=4")
    small = (*TINY, *drawn)
    cells = [
        cell("lightres-xent-htri", overrides=(*small, "test.multi_query=mean")),
        cell("lightres-xent-htri", overrides=small),
        cell("lightres-xent-htri", data="people", overrides=(*small, "test.multi_query=max")),
    ]
    opened = {one.reads(): _open(one.reads(), root) for one in cells}
    assert list(opened) == [("market1501", True), ("market1501", False), ("people", True)]
    steps = plan(cells, tmp_path / "grid", opened)
    assert [step.state for step in steps] == ["run", "run", "cannot"]
    assert "multi-query is for market1501" in steps[2].reason
    assert len({step.record.recipe_hash for step in steps[:2]}) == 2

    said = io.StringIO()
    job = {
        "recipe": "lightres-xent-htri",
        "recipe_toml": steps[0].recipe.to_toml(),
        "data": "market1501",
        "root": str(root),
        "folder": str(steps[0].folder),
        "resume": False,
    }
    run_job(job, EventWatcher(said))
    assert json.loads(said.getvalue().splitlines()[-1])["event"] == "done"


def test_cells_without_data_are_recorded_until_there_are_some(market, tmp_path):
    steps = planned(
        [cell(data="msmt17"), cell(overrides=("bad=1",), data="msmt17")], tmp_path, market
    )
    nothing = [step for step in steps if step.record is None]
    assert nothing == [steps[1]]
    run_grid(
        steps,
        root=None,
        machine=Machine("cpu", 1, 0),
        launch=lambda jobs, on_event: {},
        watcher=None,
    )
    (run, record), *others = read_records(tmp_path).items()
    assert not others
    assert (record.status, record.reason) == ("no data", "no such folder")
    assert run.name == "mobilenetv2-xent-msmt17-1"
    again = plan([cell(data="msmt17")], tmp_path, {CellData("msmt17"): market})
    assert (again[0].state, again[0].folder) == ("run", run)


def test_results_are_not_lost_where_data_are_no_longer_there(market, tmp_path):
    finished(planned([cell()], tmp_path, market)[0])
    steps = plan([cell()], tmp_path, {CellData("market1501"): OpenedData(None, "the disk")})
    assert (steps[0].state, steps[0].record) == ("cannot", None)


def finished(step):
    step.folder.mkdir(parents=True)
    (step.folder / "recipe.toml").write_text(step.recipe.to_toml())
    (step.folder / "model.json").write_text("{}")
    write_record(step.folder, step.record.model_copy(update={"status": "done"}))


def test_done_cells_are_skipped_and_all_others_get_a_folder_of_their_own(market, tmp_path):
    finished(planned([cell()], tmp_path, market)[0])
    longer = cell(overrides=(*SMALL, "schedule.epochs=3"))
    steps = planned([cell(), cell(seed=2), longer], tmp_path, market)
    assert [step.state for step in steps] == ["done", "run", "run"]
    assert [step.folder.name for step in steps] == [
        "mobilenetv2-xent-market1501-1",
        "mobilenetv2-xent-market1501-2",
        "mobilenetv2-xent-market1501-1-2",
    ]
    older = steps[0].record.model_copy(update={"crosscam": "0.0.1", "status": "done"})
    write_record(steps[0].folder, older)
    assert planned([cell()], tmp_path, market)[0].folder.name.endswith("-1-2")


def test_other_test_images_are_tested_on_and_not_trained_for(market, tmp_path):
    step = planned([cell()], tmp_path, market)[0]
    finished(step)
    known = read_records(tmp_path)[step.folder]
    for changes, state in (
        ({"data_fingerprint": "other"}, "resume"),
        ({"train_fingerprint": None}, "done"),  # a record of before there was one
        ({"train_fingerprint": None, "data_fingerprint": "other"}, "run"),
        ({"train_fingerprint": "other"}, "run"),
    ):
        write_record(step.folder, known.model_copy(update=changes))
        again = planned([cell()], tmp_path, market)[0]
        assert again.state == state, changes
        assert again.record.data_fingerprint == known.data_fingerprint
        assert (again.folder == step.folder) is (state != "run")


def test_a_cell_that_began_or_failed_is_gone_on_with(market, tmp_path):
    step = planned([cell()], tmp_path, market)[0]
    write_record(step.folder, step.record)
    assert planned([cell()], tmp_path, market)[0].state == "run"
    finished_but = step.record.model_copy(update={"status": "failed", "reason": "killed"})
    step.folder.mkdir()
    (step.folder / "recipe.toml").write_text(step.recipe.to_toml())
    write_record(step.folder, finished_but)
    again = planned([cell()], tmp_path, market)[0]
    assert (again.state, again.folder) == ("resume", step.folder)
    (step.folder / "log.jsonl").write_text('{"epoch": 1, "step": 3, "steps": 3}\n{"epo')
    half = estimate([again], {CellData("market1501"): market}, threads=1)[0]
    whole = estimate([step], {CellData("market1501"): market}, threads=1)[0]
    assert half.seconds > 0
    assert 1e6 < half.disk_bytes == whole.disk_bytes < 1e9


def test_a_broken_record_is_named(market, tmp_path):
    folder = tmp_path / "some-cell"
    for content in ("", "{}", '{"recipe": 3}', "[1"):
        record_file(folder).write_text(content)
        with pytest.raises(RunError, match=r"some-cell\.cell\.json is no record .* remove it"):
            planned([cell()], tmp_path, market)


def test_what_cells_start_from_is_fetched_once_and_missed_early(market, tmp_path, monkeypatch):
    asked = []

    def find(model, weights, _on_bytes):
        asked.append((model, weights))
        raise WeightsError("no network")

    monkeypatch.setattr(planning, "find_start", find)
    cells = [cell("resnet50-xent", seed=1), cell("resnet50-xent", seed=2), cell()]
    steps = planned(cells, tmp_path, market)
    tried = with_starts(steps, lambda _: lambda done, total: None)
    assert [step.state for step in tried] == ["cannot", "cannot", "run"]
    assert "no network; zoo run --from-scratch" in tried[0].reason
    assert asked == [("resnet50", "imagenet")]
    assert with_starts(steps, None) == steps


class Listener:
    def __init__(self):
        self.ended = {}

    def on_event(self, name, event):
        pass

    def on_end(self, name, record):
        self.ended[name] = record.status


def test_records_say_how_each_cell_ended(market, tmp_path):
    steps = planned([cell(seed=seed) for seed in (1, 2, 3)], tmp_path, market)
    names = [step.folder.name for step in steps]

    def launch(jobs, *, on_event):
        assert [job.name for job in jobs] == names
        assert all(read_records(tmp_path)[step.folder].status == "running" for step in steps)
        figures = {"train_images_per_second": 5.0, "test_images_per_second": None}
        on_event(names[0], {"event": "spent", "seconds": 2.5})
        on_event(names[0], {"event": "done", "device": "d", "threads": 1, **figures})
        on_event(names[1], {"event": "failed", "reason": "loss is nan"})
        return {names[0]: 0, names[1]: 1, names[2]: -9}

    listener = Listener()
    machine = Machine("cpu", 2, 0)
    records = run_grid(steps, root=None, machine=machine, launch=launch, watcher=listener)
    assert read_records(tmp_path) == records
    done, failed, killed = records.values()
    assert (done.status, done.seconds, done.train_images_per_second) == ("done", 2.5, 5.0)
    assert failed.reason == "loss is nan"
    assert "want of memory" in killed.reason
    assert listener.ended == dict(zip(names, ["done", "failed", "failed"], strict=True))
    assert json.loads(record_file(steps[0].folder).read_text())["status"] == "done"


def test_processors_are_divided_among_jobs(monkeypatch):
    monkeypatch.setattr("crosscam.grid.run.count_processors", lambda: 8)
    recipe = crosscam.load_recipe("hacnn-xent")
    assert Machine("cpu", 4, 0).applied_to(recipe).compute.threads == 2
    assert Machine("auto", 1, 1).applied_to(recipe).compute.threads == 0
    assert Machine("cpu", 4, 0).applied_to(recipe).workers == 2
    own = crosscam.load_recipe("hacnn-xent", ["compute.threads=3"])
    assert Machine("cpu", 4, 0).applied_to(own).compute.threads == 3


def test_cells_whose_names_differ_in_case_get_folders_that_do_not(market, tmp_path):
    cells = []
    for name, epochs in (("Mine", 2), ("mine", 3)):
        recipe = tmp_path / str(epochs) / f"{name}.toml"
        recipe.parent.mkdir()
        recipe.write_text(crosscam.load_recipe("mobilenetv2-xent").to_toml(), encoding="utf-8")
        cells.append(cell(str(recipe), overrides=(f"schedule.epochs={epochs}",)))
    names = [step.folder.name for step in planned(cells, tmp_path / "grid", market)]
    assert names == ["Mine-market1501-1", "mine-market1501-1-2"]


def test_a_cell_is_called_what_every_system_takes():
    assert cell("con.toml", "cuhk03:labeled").name == "con-cuhk03_labeled-1"
    assert cell("a?.toml", "market1501").name == "a--market1501-1"


def test_a_setting_that_is_new_and_at_its_default_changes_no_hash():
    recipe = load_recipe("mobilenetv2-xent")
    later = create_model("Later", __base__=Recipe, novelty=(float, 0.5))
    fields = recipe.model_dump()
    assert recipe_hash(later(**fields)) == recipe_hash(recipe)
    assert recipe_hash(later(**fields, novelty=1.0)) != recipe_hash(recipe)
