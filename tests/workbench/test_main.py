"""The command line needs no more than its group of packages, and says which group it lacks."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OF_OTHER_GROUPS = ("dask", "distributed", "voila", "ipywidgets", "anywidget")


def with_python_alone(*arguments: str) -> subprocess.CompletedProcess:
    """A command without any installed package."""
    command = [sys.executable, "-S", "-m", "synvae_workbench", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env={}, capture_output=True, encoding="utf-8", check=False
    )


def test_help_needs_nothing():
    done = with_python_alone("--help")
    assert done.returncode == 0, done.stderr
    assert "explore" in done.stdout


@pytest.mark.parametrize(
    ("command", "group"),
    [
        (["list"], "notebooks"),
        (["run", "00"], "notebooks"),
        (["sweep", "reports/beta.yaml"], "sweep"),
        (["explore"], "live"),
    ],
)
def test_what_is_lacking_is_named(command, group):
    done = with_python_alone(*command)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert done.stderr.endswith(f"pip install 'synvae[{group}]'\n")


def test_notebooks_need_nothing_of_sweeps_and_live_pages():
    program = (
        f"import sys\nsys.modules.update(dict.fromkeys({OF_OTHER_GROUPS}))\n"
        "from synvae_workbench.__main__ import main\nsys.exit(main(['list', '--short']))"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    assert "00_quickstart" in done.stdout
