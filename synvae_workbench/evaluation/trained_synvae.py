"""Loading of a trained SynVAE with translated test pictures, for notebooks 2x."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from jaxtyping import Bool, Int, UInt8
from torch import Tensor

from synvae_core.models.storage import find_folder
from synvae_core.models.synvae import SynVae, load_synvae
from synvae_workbench.data.enough import check_pictures
from synvae_workbench.data.pictures.types import PictureSet, Split
from synvae_workbench.data.registry import PictureOptions, load_pictures
from synvae_workbench.evaluation.translation import Translation, translate
from synvae_workbench.provenance import PROVENANCE_FILE, read_provenance

COMBINED = PictureOptions(combine=True)  # several labels of a picture make one class


class Evaluation(NamedTuple):
    """A SynVAE, its set of pictures, and test pictures with their translation through MIDI files.

    Labels are class ids, or booleans where a picture has several.
    """

    model: SynVae
    pictures: PictureSet
    images: UInt8[Tensor, "n c h w"]
    labels: Int[Tensor, " n"] | Bool[Tensor, "n classes"]
    ids: list[str]
    translation: Translation


def load_evaluation(
    run: str | Path,
    dataset: str = "",
    options: PictureOptions = COMBINED,
    *,
    most: int | None = None,
    least: int = 1,
) -> Evaluation:
    """Loads a run's SynVAE and translates test pictures, which it did not learn from.

    Args:
        run: a run folder or one of `pretrained/`.
        dataset: as in `load_pictures`; empty for the set that the run was trained on.
        options: of the set. Its seed is taken where the run does not say its own: of another seed,
            the test pictures would be some that it learnt from. A tenth is for validation.
        most: how many test pictures, the first ones, at most.
        least: how many are needed for what is to be measured.

    Raises:
        ValueError: if `most` are too few, if neither the run's `provenance.json` nor `dataset`
            names a set, if it has too few pictures, or if these do not have the model's size.
    """
    if most is not None and most < least:
        raise ValueError(f"MOST: {least} or more test pictures are measured, got {most}")
    record = find_folder(run) / PROVENANCE_FILE
    origin = read_provenance(find_folder(run)) if record.exists() else {"parameters": {}}
    dataset = dataset or origin["parameters"].get("DATASET", "")
    if not dataset:
        raise ValueError(f"{record} names no DATASET that the run was trained on: name one")
    seed = options.seed if origin.get("seed") is None else origin["seed"]
    model = load_synvae(run)
    visual = model.config.visual
    pictures = load_pictures(dataset, replace(options, validation=0.1, seed=seed))
    check_pictures(pictures, test=least)
    test = first_pictures(pictures.test, most)
    expected = (visual.image_channels, visual.image_size, visual.image_size)
    if tuple(test.images.shape[1:]) != expected:
        raise ValueError(
            f"pictures of {dataset} have shape {tuple(test.images.shape[1:])}, "
            f"the model of {run} wants {expected}: choose another set or run"
        )
    translation = translate(model, test.images, cached=True)
    return Evaluation(model, pictures, test.images, test.labels, test.ids, translation)


def label_names(
    labels: Int[Tensor, " n"] | Bool[Tensor, "n classes"], classes: Sequence[str]
) -> list[str]:
    """Each picture's label or, joined by " + ", labels; "no label" where it has none."""
    if labels.ndim == 1:
        return [classes[label] for label in labels.tolist()]
    named = [[classes[i] for i in row.nonzero().flatten().tolist()] for row in labels]
    return [" + ".join(names) or "no label" for names in named]


def class_ids(names: str, classes: Sequence[str]) -> tuple[int, ...]:
    """Ids of classes that are named by commas.

    Raises:
        ValueError: if one is none of the classes, naming these.
    """
    wanted = [name.strip() for name in names.split(",")]
    if unknown := [name for name in wanted if name not in classes]:
        raise ValueError(f"{', '.join(unknown)}: the classes are {', '.join(classes)}")
    return tuple(classes.index(name) for name in wanted)


def first_pictures(split: Split, most: int | None) -> Split:
    """The first pictures of a split, at most so many; without strips."""
    return Split(split.images[:most], split.labels[:most], split.ids[:most])
