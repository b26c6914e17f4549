"""Parameters are those of the cell of parameters, with the values that they have now."""

import IPython
import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from synvae_workbench.declarations import check_value, current_parameters, declarations
from synvae_workbench.runs import run_folder

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


@pytest.mark.parametrize(
    ("declared", "good", "bad", "message"),
    [
        ("SEED = 0  # random seed", (0, 7), (-1,), "SEED: expected 0 or more, got -1"),
        ("N = 1  # of them, 1 or more; 9 as published", (1, 10), (0,), "expected 1 or more"),
        ("BETA = 0.1  # weight, 0 or more", (0.0, 3.0), (-0.1,), "expected 0 or more"),
        ("QPM = 120.0  # tempo, above 0", (0.1, 9.0), (0.0, -1.0), "expected above 0"),
        ("P = 0  # instrument, 0 to 127; 0 is a piano", (0, 127), (128, -1), "0 to 127"),
        ("S = 0.2  # share, above 0 and below 1", (0.5,), (0.0, 1.0), "above 0|below 1"),
        ("B = -1.0  # weight, 0 or more; below 0: its own", (-1.0, -3.0, 2.0), (), ""),
        ("W = 1  # windows, 10,000 or more take hours", (1, 50), (-1,), "0 or more"),
        ("D = -3.5  # decibels", (-60.0, 5.0), (), ""),
        ("SHIFT = -5", (-9, 9), (), ""),
        (
            'A = "0.2 1"  # weights, 0 or more, by spaces',
            ("0 3", "1"),
            ("", "1 x", "nan"),
            "A: exp",
        ),
        ('A = "0.2 1"  # weights, 0 or more, by spaces', ("1e3",), ("1 -1",), "expected 0 or more"),
        ('C = "softmax logits"  # couplings, by spaces', ("gumbel", ""), (), ""),
    ],
)
def test_a_number_is_held_to_the_range_that_its_comment_states(declared, good, bad, message):
    ((name, parameter),) = declarations(declared, "a cell").items()
    for value in good:
        assert check_value(value, parameter, name) == value
    for value in bad:
        with pytest.raises(ValueError, match=message):
            check_value(value, parameter, name)


def test_a_session_is_checked_by_the_comments_though_papermill_repeats_the_names(shell):
    run(shell, DECLARED, "# Parameters\nSMOKE = True\nSEED = -4\n")
    assert current_parameters()["SEED"] == -4
    with pytest.raises(ValueError, match="SEED: expected 0 or more, got -4"):
        current_parameters(check=True)


def test_a_run_begins_with_the_check(shell, tmp_path):
    run(shell, DECLARED + "TAKES = 4  # 1 or more\n", "TAKES = 0")
    with pytest.raises(ValueError, match="TAKES: expected 1 or more"):
        run_folder("one", root=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()
