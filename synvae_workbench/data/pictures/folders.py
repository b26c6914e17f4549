"""Loader of a folder of pictures with a sub-folder for each class."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from synvae_workbench.data.files import FoundFile, describe_left_out, printable, short_names
from synvae_workbench.data.options import PictureOptions
from synvae_workbench.data.pictures.file_sets import Listing, decoding_of, read_set
from synvae_workbench.data.pictures.files import list_pictures
from synvae_workbench.data.pictures.splits import complete_parts
from synvae_workbench.data.pictures.types import PictureSet
from synvae_workbench.data.places import named_folder

UNNAMED = "all"  # the class of pictures that lie in no sub-folder
_PART_OF = {"train": 0, "validation": 1, "val": 1, "test": 2}


def load_picture_folder(options: PictureOptions) -> PictureSet:
    """Loads pictures of any size and format from class sub-folders, sorted by name.

    Sub-folders of a class belong to it. If the sub-folders are `train` and no others than
    `validation` (or `val`) and `test`, the classes lie in them; missing splits are drawn by a hash
    of the paths. Pictures without any sub-folder are of one class, "all". Hidden files, folders of
    thumbnails, and files that are no pictures by their suffix, are counted in `left_out`; a link
    that leads out of the folder, or to a folder, is a broken picture. Training pictures that are
    not all square are strips; others are centre crops.

    Ids are the files' stems, or where these repeat, their paths.

    Raises:
        ValueError: if there are no pictures, or some lie beside the classes, and for a broken
            picture that is refused.
    """
    root = named_folder(options)
    files, left_out = list_pictures(root)
    if not files:
        beside = f"has no pictures (left out: {describe_left_out(left_out)})"
        what = beside if root.is_dir() else "is no folder"
        raise ValueError(f"{root} {what}; expected <class>/<picture>.jpg, .png and the like")
    paths = [file.name.split("/") for file in files]
    part = np.zeros(len(files), np.int64)
    tops = {path[0] for path in paths}
    if "train" in tops and tops <= _PART_OF.keys() and all(len(path) > 1 for path in paths):
        part = np.array([_PART_OF[path[0]] for path in paths])
        paths = [path[1:] for path in paths]
    of_class = _classes(root, files, paths)
    folders = sorted(set(of_class))
    index = {folder: i for i, folder in enumerate(folders)}
    labels = torch.tensor([index[folder] for folder in of_class])
    classes = tuple(printable(folder) for folder in folders)
    names = [file.name for file in files]
    part = complete_parts(part, names, options)
    listing = Listing(root, files, short_names(names), labels, part, classes, {}, left_out)
    return read_set("folder", listing, decoding_of(options))


def _classes(root: Path, files: Sequence[FoundFile], paths: list[list[str]]) -> list[str]:
    loose = [file.name for file, path in zip(files, paths, strict=True) if len(path) == 1]
    if len(loose) == len(files):
        return [UNNAMED] * len(files)
    if loose:
        raise ValueError(
            f"{root / printable(loose[0])} lies beside the sub-folders of the classes, and "
            f"{len(loose) - 1} others do: put pictures into the sub-folder of their class"
        )
    return [path[0] for path in paths]
