"""SynVAEs of the same pictures to choose from on a live page, by the length of their melodies."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from synvae_core.models.storage import (
    CONFIG_FILE,
    PRETRAINED,
    config_from,
    find_folder,
    model_folder,
    read_config,
)
from synvae_core.models.synvae import SynVae, SynVaeConfig
from synvae_core.music.coding import STEPS_PER_BAR

FOLDERS = ("../pretrained", "../runs")  # of a notebook


class Choice(NamedTuple):
    """A SynVAE that can be opened: its name, length and folder."""

    name: str
    steps: int
    folder: Path


def other_lengths(run: str | Path, folders: Sequence[str | Path] = FOLDERS) -> list[Choice]:
    """SynVAEs beside `run` for pictures of its size and set, the shortest melodies first.

    Sets are one if their names begin with the same word: `mnist_5k` is part of `mnist`. Smoke runs,
    models that do not say their set, and folders without a readable configuration are left out.

    Args:
        run: a run folder or one of `pretrained/`.
        folders: where to look, in order; `pretrained` is the packaged one where there is none.
    """
    own = find_folder(run)
    wanted, found = _origin(own), []
    if wanted is None:
        return []
    for folder in map(Path, folders):
        place = PRETRAINED if folder.name == "pretrained" and not folder.is_dir() else folder
        for each in sorted(place.glob("*/")):
            if each.resolve() != own.resolve() and _origin(each) == wanted:
                found.append(Choice(each.name, _config(each).music.steps, each))
    return sorted(found, key=lambda choice: choice.steps)


def length_label(steps: int, name: str = "") -> str:
    """A length in words, with the name of the model: "8 bars, synvae_mnist_8bar"."""
    bars = steps / STEPS_PER_BAR
    told = f"{bars:g} bar{'' if bars == 1 else 's'}"
    return f"{told}, {name}" if name else told


def _origin(folder: Path) -> tuple[str, str, int, int] | None:
    """Set, folder, channels and size of the pictures that a SynVAE learnt from; None of no such."""
    try:
        parameters = json.loads((folder / "provenance.json").read_text())["parameters"]
        visual = _config(folder).visual
    except (OSError, ValueError, KeyError, TypeError):
        return None
    dataset = str(parameters.get("DATASET", ""))
    if not dataset or parameters.get("SMOKE"):
        return None
    folder_of = str(parameters.get("FOLDER", "")) if dataset == "folder" else ""
    return dataset.split("_")[0], folder_of, visual.image_channels, visual.image_size


def _config(folder: Path) -> SynVaeConfig:
    stored = read_config(model_folder(folder) / CONFIG_FILE, SynVae)
    return config_from(stored["config"], SynVaeConfig)
