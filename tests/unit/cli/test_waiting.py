"""Threads wait asleep unless the user says otherwise, and torch has not been imported by then."""

import subprocess
import sys

import pytest

from crosscam.cli.waiting import wait_passively


def test_threads_wait_asleep():
    environment = {"PATH": "/bin"}
    wait_passively(environment)
    assert environment == {"PATH": "/bin", "OMP_WAIT_POLICY": "PASSIVE"}


@pytest.mark.parametrize(
    ("name", "value"), [("OMP_WAIT_POLICY", "ACTIVE"), ("GOMP_SPINCOUNT", "0")]
)
def test_what_the_user_says_stands(name, value):
    environment = {name: value}
    wait_passively(environment)
    assert environment == {name: value}


def test_the_command_says_so_before_torch_is_imported():
    script = (
        "import os, sys; os.environ.pop('OMP_WAIT_POLICY', None);"
        "from crosscam.cli import main; main.run = lambda arguments: 0;"
        "sys.argv = ['crosscam'];"
        "status = None\n"
        "try: main.main()\n"
        "except SystemExit as end: status = end.code\n"
        "assert status == 0 and 'torch' not in sys.modules\n"
        "assert os.environ['OMP_WAIT_POLICY'] == 'PASSIVE'"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
