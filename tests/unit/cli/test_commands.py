"""What commands are called with: help, examples, completion, and options as one value."""

import os
import shlex
import subprocess
import sys
from dataclasses import asdict, dataclass, fields
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

import crosscam
from crosscam.cli.commands import names
from crosscam.cli.commands.data import split
from crosscam.cli.commands.evaluate import TestOptions as SwitchOptions
from crosscam.cli.commands.groups import with_options_of_groups
from crosscam.cli.commands.options import RunDataOptions
from crosscam.cli.commands.runs import failures
from crosscam.cli.main import make_app, run
from crosscam.data.folder import SEED, TRAIN
from crosscam.data.generalisation import STUDIES
from crosscam.data.registry import READERS
from crosscam.report.failure_page import MOST_QUERIES
from crosscam.settings.evaluation import EvaluationSettings

ROOT = typer.main.get_command(make_app())
COMMANDS = {
    " ".join((*group, name)): command
    for group, commands in [
        ((), ROOT.commands),
        *(((one,), ROOT.commands[one].commands) for one in ("data", "zoo")),
    ]
    for name, command in commands.items()
    if not hasattr(command, "commands")
}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example_that_it_takes(name, capsys):
    assert run([*name.split(), "--help"]) == 0
    shown = capsys.readouterr().out
    words = shlex.split(shown.partition("Example:")[2])
    assert " ".join(words[1:]).startswith(name)
    context = COMMANDS[name].make_context(name, words[1 + len(name.split()) :])
    assert context.args == []


def test_help_and_completion_import_nothing_heavy():
    code = (
        "import sys; from crosscam.cli.main import run; run(['--help']); run(['evaluate', '-h']);"
        "print(*{name.split('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"torch", "numpy", "PIL", "matplotlib", "numba", "jinja2"}
    assert not heavy & set(done.stderr.split())
    assert "Person re-identification" in done.stdout


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("train lightres-", {"lightres-xent-htri"}),
        ("train resnet18-xent-htri --data mark", {"market1501"}),
        ("evaluate hacnn-xent-mark", {"hacnn-xent-market1501"}),
        ("models osnet_x1", {"osnet_x1_0"}),
        ("data ch", {"check"}),
        ("evaluate x --protocol si", {"single-shot"}),
    ],
)
def test_a_shell_completes_names(words, found):
    environment = {
        **os.environ,
        "_CROSSCAM_COMPLETE": "complete_bash",
        "COMP_WORDS": f"crosscam {words}",
        "COMP_CWORD": str(len(words.split())),
    }
    done = subprocess.run(
        [sys.executable, "-m", "crosscam"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert set(done.stdout.split()) == found, done.stderr


def test_completed_names_are_the_real_ones():
    variants = [
        f"{name}:{variant}" if variant else name
        for name, reader in READERS.items()
        for variant in ("", *reader.variants)
        if ":" not in variant
    ]
    assert list(names.MODELS) == crosscam.list_models()
    assert list(names.DATA_SETS) == sorted(variants)
    assert list(names.PROTOCOLS) == list(STUDIES)
    assert list(names.WEIGHTS) == crosscam.list_weights()
    assert names.complete_recipe("") == crosscam.list_recipes()
    assert names.complete_data("cuhk03") == ["cuhk03"]
    assert names.complete_data("cuhk03:l") == ["cuhk03:labeled", "cuhk03:labeled+all"]


def test_defaults_are_those_of_the_library():
    assert EvaluationSettings(**asdict(SwitchOptions())) == EvaluationSettings()
    assert (split.__defaults__[2:4]) == (TRAIN, SEED)
    assert MOST_QUERIES in failures.__defaults__


def test_options_of_a_group_are_one_value():
    @dataclass(frozen=True)
    class Group:
        name: Annotated[str, typer.Option("--data")]
        number: Annotated[int, typer.Option("--number", min=1)] = 3

    seen = []

    def command(what: str, group: Group, *, last: bool = False) -> None:
        seen.append((what, group, last))

    app = typer.Typer()
    app.command()(with_options_of_groups(command))
    assert CliRunner().invoke(app, ["a", "--data", "b", "--last"]).exit_code == 0
    assert seen == [("a", Group("b", 3), True)]
    assert "--data" in CliRunner().invoke(app, ["a"]).output
    assert CliRunner().invoke(app, ["a", "--data", "b", "--number", "0"]).exit_code == 2


def test_a_run_knows_its_data():
    assert RunDataOptions().of("people").name == "people"
    assert RunDataOptions("market1501").of("people").name == "market1501"
    named = {field.name for field in fields(RunDataOptions)}
    assert named == {field.name for field in fields(RunDataOptions().of("people"))}
