"""SynVAEs to choose from on a live page, by the pictures that they were made for."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from synvae_core.models.storage import (
    PRETRAINED,
    find_folder,
    load_config,
    model_folder,
)
from synvae_core.models.synvae import SynVae, SynVaeConfig
from synvae_core.music.coding import STEPS_PER_BAR
from synvae_workbench.data.pictures.kind import DIGIT, KINDS, PAINTING, PHOTOGRAPH
from synvae_workbench.provenance import read_provenance

FOLDERS = ("../pretrained", "../runs")  # of a notebook
# Sets are one if their names begin with the same word: `mnist_5k` is part of `mnist`.
MADE_FOR = {"mnist": DIGIT, "cifar10": PHOTOGRAPH, "paintings": PAINTING}


class Choice(NamedTuple):
    """A SynVAE that can be opened: its name, length, folder and the kind it was made for.

    `kind` is one of `data.pictures.kind`, or the name of another set.
    """

    name: str
    steps: int
    folder: Path
    kind: str

    @property
    def label(self) -> str:
        """Name and length in words: "synvae_mnist_8bar, 8 bars"."""
        return f"{self.name}, {length_in_words(self.steps)}"


class _Origin(NamedTuple):
    """Pictures that a SynVAE learnt from: their kind, folder, channels and size."""

    kind: str
    folder: str
    channels: int
    size: int


def list_models(run: str | Path, folders: Sequence[str | Path] = FOLDERS) -> list[Choice]:
    """The SynVAE of `run`, then others by kind and length, the shipped ones first.

    Others are those for digits, photographs and paintings, and those of the same set as `run`.
    Smoke runs, models that do not say their set, and folders without a readable configuration are
    left out.

    Args:
        run: a run folder or one of `pretrained/`.
        folders: where to look, in order; `pretrained` is the packaged one where there is none.

    Raises:
        WeightsError: if `run` holds no SynVAE.
    """
    own, config = find_folder(run), _config(find_folder(run))
    origin, kind = _origin(own), kind_of(run)
    found = []
    for number, folder in enumerate(map(Path, folders)):
        place = PRETRAINED if folder.name == "pretrained" and not folder.is_dir() else folder
        for each in sorted(place.glob("*/")):
            theirs = _origin(each)
            if theirs is None or each.resolve() == own.resolve():
                continue
            if theirs.kind in KINDS or theirs == origin:
                choice = Choice(each.name, _config(each).music.steps, each, theirs.kind)
                found.append((number, choice))
    kinds = [kind, *KINDS]
    found.sort(key=lambda each: (kinds.index(each[1].kind), each[0], each[1].steps))
    first = Choice(own.name, config.music.steps, own, kind)
    return [first, *(choice for _, choice in found)]


def choose_model(models: Sequence[Choice], kind: str, usable: Sequence[int]) -> int:
    """Number of the model for a kind of picture: the first of the usable ones.

    Where there is none, the first one for another kind of coloured pictures, else any.
    """
    others = [each for each in KINDS if each not in (kind, DIGIT)] if kind != DIGIT else []
    for each in (kind, *others):
        if numbers := [i for i in usable if models[i].kind == each]:
            return numbers[0]
    return usable[0] if usable else 0


def kind_of(run: str | Path) -> str:
    """The kind of pictures that a SynVAE was made for; digits if it does not say, and is grey.

    Raises:
        WeightsError: if `run` holds no SynVAE.
    """
    folder = find_folder(run)
    config, origin = _config(folder), _origin(folder)
    if origin is not None:
        return origin.kind
    return DIGIT if config.visual.image_channels == 1 else PHOTOGRAPH


def length_in_words(steps: int) -> str:
    """Length of a melody in bars: "8 bars"."""
    bars = steps / STEPS_PER_BAR
    return f"{bars:g} bar{'' if bars == 1 else 's'}"


def _origin(folder: Path) -> _Origin | None:
    """Pictures that a SynVAE learnt from, by the record of its training; None of no such."""
    try:
        parameters = read_provenance(folder)["parameters"]
        visual = _config(folder).visual
    except ValueError:
        return None
    dataset = str(parameters.get("DATASET", ""))
    if not dataset or parameters.get("SMOKE"):
        return None
    folder_of = str(parameters.get("FOLDER", "")) if dataset == "folder" else ""
    word = dataset.split("_")[0]
    return _Origin(MADE_FOR.get(word, word), folder_of, visual.image_channels, visual.image_size)


def _config(folder: Path) -> SynVaeConfig:
    return load_config(SynVae, SynVaeConfig, model_folder(folder))
