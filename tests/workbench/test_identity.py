"""A run is resumed with the parameters that it was begun with, all of them, and with no others."""

from pathlib import Path
from types import SimpleNamespace

import IPython
import pytest
import torch
from filelock import FileLock

from synvae_core.models.melody.configurations import load_melody_model
from synvae_core.models.storage import PRETRAINED
from synvae_core.models.synvae import SynVae, SynVaeConfig
from synvae_core.models.visual import visual_config
from synvae_workbench.identity import MAY_CHANGE, PARAMETERS, STATE_FILE, refuse_differences
from synvae_workbench.reports import notebook_parameters, read_notebook
from synvae_workbench.runs import run_folder
from synvae_workbench.training.checkpoints import identity, restore_state, save_state

TRAINING = sorted((Path(__file__).parents[2] / "notebooks").glob("1*.ipynb"))
CELL = "SMOKE = False  # small\nSEED = 0  # of all\nPRECISION = 'float32'  # of sums\n"


@pytest.fixture
def notebook(monkeypatch):
    """A session of a notebook with this cell of parameters and these values."""

    def notebook(cell, **values):
        defaults = {}
        exec(cell, {}, defaults)
        shell = SimpleNamespace(user_ns={"In": [cell], **defaults, **values})
        monkeypatch.setattr(IPython, "get_ipython", lambda: shell)

    return notebook


def begin(folder, **more):
    """Leaves a run that was begun by the session; returns its settings."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = identity(torch.nn.Linear(2, 2), None, None, more)
    save_state(folder, torch.nn.Linear(2, 2), settings, [{"epoch": 1}])
    return settings


def resume(folder):
    settings = identity(torch.nn.Linear(2, 2), None, None, {})
    trained = SimpleNamespace(state_dict=dict, load_state_dict=lambda state: None)
    return restore_state(folder, trained, settings)


def another(value):
    """A value of the same type."""
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case str():
            return f"{value}1"
    return [*value, "more"]


@pytest.mark.parametrize("sub", ["", "one_of_several"])
@pytest.mark.parametrize("path", TRAINING, ids=lambda path: path.stem)
def test_every_parameter_of_a_training_defines_it_but_those_that_may_change(
    path, sub, notebook, tmp_path
):
    cell = read_notebook(path).cells[1].source
    notebook(cell)
    begin(tmp_path / "run" / sub)
    assert run_folder("run", root=tmp_path)
    before = (tmp_path / "run" / sub / STATE_FILE).read_bytes()
    for name, parameter in notebook_parameters(path).items():
        notebook(cell, **{name: another(parameter.default)})
        if name in MAY_CHANGE:
            run_folder("run", root=tmp_path)
            continue
        with pytest.raises(ValueError, match=rf"{name}: .* there, .* asked for|{name}: expected"):
            run_folder("run", root=tmp_path)
    assert (tmp_path / "run" / sub / STATE_FILE).read_bytes() == before


def test_what_may_change_are_parameters_of_a_training():
    assert {name for path in TRAINING for name in notebook_parameters(path)} >= MAY_CHANGE


def test_a_refused_run_is_let_go(notebook, tmp_path):
    notebook(CELL)
    begin(tmp_path / "run")
    notebook(CELL, SEED=1)
    with pytest.raises(ValueError, match="SEED: 0 there, 1 asked for"):
        run_folder("run", root=tmp_path)
    with FileLock(tmp_path / "run" / ".lock", blocking=False) as lock:
        assert lock.is_locked


def test_a_damaged_state_is_named(notebook, tmp_path):
    notebook(CELL)
    begin(tmp_path / "run")
    path = tmp_path / "run" / STATE_FILE
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match=r"training\.pt is damaged"):
        run_folder("run", root=tmp_path)


def test_a_run_from_before_parameters_were_stored_goes_on_with_what_it_stored(notebook, tmp_path):
    begin(tmp_path / "run")  # as a script does, too
    notebook(CELL, PRECISION="bfloat16")
    run_folder("run", root=tmp_path)
    history, settings = resume(tmp_path / "run")
    assert history == [{"epoch": 1}]
    assert not any(name.startswith(PARAMETERS) for name in settings), "nobody knows what they were"


def test_a_script_goes_on_with_what_a_notebook_began(notebook, tmp_path, monkeypatch):
    notebook(CELL, SEED=3)
    stored = begin(tmp_path / "run")
    monkeypatch.undo()
    run_folder("run", root=tmp_path)
    assert resume(tmp_path / "run")[1] == stored


def test_a_parameter_that_is_new_had_its_default(notebook, tmp_path):
    notebook(CELL)
    begin(tmp_path / "run")
    notebook(f"{CELL}LEAVE_OUT = ''  # a set\n")
    run_folder("run", root=tmp_path)
    assert resume(tmp_path / "run")[0] == [{"epoch": 1}]
    notebook(f"{CELL}LEAVE_OUT = ''  # a set\n", LEAVE_OUT="mnist_5k")
    for again in (lambda: run_folder("run", root=tmp_path), lambda: resume(tmp_path / "run")):
        with pytest.raises(ValueError, match="LEAVE_OUT:  there, mnist_5k asked for"):
            again()


@pytest.mark.parametrize("music", ["skeleton_2bar", "language_2bar"])
def test_a_synvae_of_before_its_newer_settings_goes_on(music, tmp_path):
    """As the first state of this version of the languages had them; what came since has defaults.

    A field that is added wants its value of before in `LACKING`, or every run is refused.
    """
    melodies = load_melody_model(PRETRAINED / music)
    visual = visual_config(28, latent_dim=melodies.config.latent_dim)
    asked = identity(SynVae(SynVaeConfig(visual), melodies), None, None, {})
    since = ("spans", "twin_price", "told_price", "cycle_price", "critic_price", "critic", "tuning")
    stored = {name: value for name, value in asked.items() if name.split(".")[-1] not in since}
    refuse_differences(tmp_path / STATE_FILE, stored, asked)


def test_another_notebook_does_not_write_over_a_trained_run(notebook, tmp_path):
    notebook(CELL)
    begin(tmp_path / "run")
    notebook("SMOKE = False  # small\nRUN = '../runs/run'  # what is evaluated\n")
    with pytest.raises(ValueError, match="SEED: 0 there, nothing asked for"):
        run_folder("run", root=tmp_path)
