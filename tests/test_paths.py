"""What notebooks take for a path is declared as one, and whoever reads it knows the home folder."""

import ast
from pathlib import Path

import nbformat
import pytest

from synvae_core.models.features import load_features
from synvae_core.models.speech.to_image import load_speech_image
from synvae_core.models.storage import find_folder, model_folder
from synvae_core.models.synvae import load_synvae
from synvae_core.music.midi import read_midi
from synvae_core.music.soundfonts import open_soundfont
from synvae_workbench import listening
from synvae_workbench.data import registry
from synvae_workbench.data.speech.recordings import read_recording
from synvae_workbench.evaluation.trained_synvae import load_evaluation
from synvae_workbench.importers import open_melody_model
from synvae_workbench.live.models import list_models
from synvae_workbench.places import find_shipped
from synvae_workbench.reports import notebook_parameters

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
# Functions to which notebooks give a path of the reader's as their first argument.
READERS = {
    "find_folder": find_folder,
    "find_shipped": find_shipped,
    "list_models": list_models,
    "load_evaluation": lambda path: load_evaluation(path),
    "load_features": load_features,
    "load_materials": listening.load_materials,
    "load_speech_image": load_speech_image,
    "load_synvae": load_synvae,
    "model_folder": model_folder,
    "open_melody_model": open_melody_model,
    "read_key": listening.read_key,
    "read_midi": read_midi,
    "read_recording": read_recording,
    "read_served": listening.read_served,
    "read_sessions": lambda path: listening.read_sessions(path, {}),
}
# Arguments by name that are paths.
NAMED = {
    "folder of pictures": lambda path: registry.load_pictures(
        "folder", registry.PictureOptions(folder=path)
    ),
    "folder of faces": lambda path: registry.load_faces(
        "folder", registry.FaceOptions(folder=path)
    ),
    "folder of speech": lambda path: registry.load_speech(
        "folder", registry.SpeechOptions(folder=path)
    ),
    "folder of loops": lambda path: registry.load_loops(
        "folder", registry.LoopOptions(folder=path)
    ),
    "folder of tunes": lambda path: registry.load_corpus(
        "midi", registry.CorpusOptions(folder=path)
    ),
    "soundfont": open_soundfont,
}
KEYWORDS = {"folder", "soundfont"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_is_read_as_a_path_is_called_one(path):
    known = notebook_parameters(path)
    code = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    source = "\n".join(cell.source for cell in code if not cell.source.startswith("%"))
    given = set()
    for call in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)):
        name = getattr(call.func, "attr", getattr(call.func, "id", ""))
        values = call.args[:1] if name in READERS else []
        values += call.args[1:2] if name == "load_materials" else []
        values += [keyword.value for keyword in call.keywords if keyword.arg in KEYWORDS]
        given |= {n.id for value in values for n in ast.walk(value) if isinstance(n, ast.Name)}
    given = {name for name in given & known.keys() if known[name].type is str}
    given |= {name for name, parameter in known.items() if "/" in str(parameter.default)}
    assert given <= {name for name, parameter in known.items() if parameter.is_path}


@pytest.mark.parametrize(("name", "read"), [*READERS.items(), *NAMED.items()])
@pytest.mark.parametrize("written", ["~/nothing.here", "nothing.here"])
def test_a_refusal_shows_the_whole_path(name, read, written, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    whole = str(tmp_path / "nothing.here")
    try:
        found = read(written)
    except ValueError as error:
        assert whole in str(error)
    else:
        assert str(found) == whole
