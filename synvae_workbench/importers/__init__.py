"""Importers of melody models: Magenta's checkpoints, read without TensorFlow."""

from pathlib import Path
from typing import Any

from synvae_core.models.melody.configurations import load_melody_model
from synvae_core.models.melody.vae import MelodyVae
from synvae_core.models.storage import CONFIG_FILE, WEIGHTS_FILE, model_folder
from synvae_workbench.importers.magenta import load_magenta

__all__ = ["load_magenta", "open_melody_model"]


def open_melody_model(path: str | Path, **magenta: Any) -> MelodyVae:
    """Loads the melody model of a folder, a run or a Magenta checkpoint, in evaluation mode.

    Args:
        path: what `load_melody_model` loads, or else what `load_magenta` reads.
        magenta: options of `load_magenta`.

    Raises:
        WeightsError: naming the file and what is wrong with it.
    """
    folder = model_folder(path)
    if (folder / CONFIG_FILE).is_file() and (folder / WEIGHTS_FILE).is_file():
        return load_melody_model(folder)
    return load_magenta(folder, **magenta)
