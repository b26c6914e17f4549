"""Everything that is kept: written whole or not at all, and as readable as other files."""

import os
import stat
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest
import torch
from PIL import Image

from synvae_core.atomic import UnwritableError
from synvae_core.models.classifiers import LeNet5, LeNet5Config
from synvae_core.models.storage import save_model
from synvae_core.music.harmony import ChordTables, Harmoniser, save_harmoniser
from synvae_core.music.midi import write_midi
from synvae_workbench.batch.state import write_state
from synvae_workbench.data.cache import write_arrays
from synvae_workbench.data.pictures.reconstructions import export_pictures
from synvae_workbench.data.pictures.types import numbered_split
from synvae_workbench.listening.files import write_media
from synvae_workbench.places import lay_out
from synvae_workbench.reports import write_notebook
from synvae_workbench.runs import record, save_figure, write_history
from synvae_workbench.training.checkpoints import save_batch, save_state

resource = pytest.importorskip("resource")  # limits as Unix has them


def harmoniser(folder):
    tables = ChordTables(np.zeros((2, 24, 12)), np.zeros((2, 4, 24, 24)), np.zeros((2, 24)))
    save_harmoniser(Harmoniser(tables), folder)


def state_of_training(folder):
    save_state(folder, torch.nn.Linear(9, 9), {"seed": 0}, [])


def figure(folder):
    image = Image.fromarray(np.zeros((8, 8), np.uint8))
    drawn = SimpleNamespace(savefig=lambda part, format, dpi: image.save(part, format))
    save_figure(folder, "epoch", drawn)


def media(folder):
    write_media(folder, {0: 0}, np.zeros((1, 1, 8, 8), np.uint8), np.full((1, 32), 40))


def pictures():
    return numbered_split(np.zeros((2, 1, 8, 8), np.uint8), np.zeros(2, np.int64))


WRITERS = {
    "weights": lambda folder: save_model(LeNet5(LeNet5Config()), folder / "best"),
    "harmoniser": harmoniser,
    "state": state_of_training,
    "batch": lambda folder: save_batch(folder, (torch.zeros(9),), torch.arange(9)),
    "figure": figure,
    "history": lambda folder: write_history(folder, [{"epoch": 1}]),
    "metrics": lambda folder: record(folder, {"a/b": 1.0}, device="CPU", data={}),
    "melody": lambda folder: write_midi(np.full(32, 40), folder / "midi" / "melody.mid"),
    "cache": lambda folder: write_arrays(folder / "cache" / "set.npz", {"a": np.zeros(9)}),
    "media": media,
    "pictures": lambda folder: export_pictures(folder / "set", pictures(), ["digit"]),
    "run of a sweep": lambda folder: write_state(folder / "run.json", {"state": "done"}),
    "notebook": lambda folder: write_notebook(nbformat.v4.new_notebook(), folder / "run.ipynb"),
    "work folder": lambda folder: lay_out(folder / "work"),
}


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def no_room():
    """Files may not grow beyond four bytes, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("umask", [0o022, 0o027])
@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_what_is_kept_is_as_readable_as_other_files(tmp_path, write, umask):
    before = os.umask(umask)
    try:
        write(tmp_path)
    finally:
        os.umask(before)
    assert files(tmp_path)
    assert {stat.S_IMODE(path.stat().st_mode) for path in files(tmp_path)} == {0o666 & ~umask}


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_without_room_nothing_is_left_and_the_reason_is_told(tmp_path, write, no_room):
    with pytest.raises(UnwritableError, match="cannot be written: files may not be that large"):
        write(tmp_path)
    assert {path.name for path in files(tmp_path)} <= {".lock"}
