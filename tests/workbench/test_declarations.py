"""Parameters are those of the cell of parameters, with the values that they have now."""

import IPython
import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from synvae_workbench.declarations import current_parameters

DECLARED = """\
SMOKE = False  # less, to see that everything runs
SEED = 0  # of everything
SETS: list[str] = ["a"]  # which
FOLDER = ""  # where from
"""


@pytest.fixture
def shell(tmp_path, monkeypatch):
    """A session of IPython that runs cells as a kernel does, and keeps no history on disk."""
    shell = InteractiveShell(
        config=Config({"HistoryManager": {"enabled": False}}), ipython_dir=str(tmp_path)
    )
    monkeypatch.setattr(IPython, "get_ipython", lambda: shell)
    return shell


def run(shell, *cells):
    for cell in cells:
        shell.run_cell(cell, store_history=True).raise_error()


def test_names_are_those_of_the_cell_and_values_those_of_now(shell):
    injected = "# Parameters\nSMOKE = True\nSEED = 4\n"
    run(shell, DECLARED, injected, "from string import ascii_letters as LETTERS\nFEW = 2")
    run(shell, "RATE = 22_050", "SETS = SETS + ['b']", "%time ALSO = 1")
    assert current_parameters() == {"SMOKE": True, "SEED": 4, "SETS": ["a", "b"], "FOLDER": ""}


def test_a_parameter_that_was_added_while_the_session_lasts_counts(shell):
    run(shell, DECLARED, DECLARED + "TAKES = 4\n")
    assert current_parameters()["TAKES"] == 4


def test_a_script_and_a_session_without_such_a_cell_have_none(shell, monkeypatch):
    run(shell, "SEED = 3", "RATE = 1")
    assert current_parameters() == {}
    monkeypatch.undo()
    assert current_parameters() == {}
