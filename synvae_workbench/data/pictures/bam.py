"""Loader of pictures in the layout of BAM, Behance Artistic Media: `img/<MID>.jpg`, `labels.npy`.

BAM: Wilber et al. 2017, arXiv 1704.08614. SynVAE used its oil and watercolour pictures:
Müller-Eberstein & van Noord 2019, arXiv 1909.01218.
"""

import os
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from synvae_core.small_files import read_small
from synvae_workbench.data.files import FoundFile, chosen_names, decode_text, printable
from synvae_workbench.data.options import PictureOptions
from synvae_workbench.data.pictures.file_sets import Listing, decoding_of, read_set
from synvae_workbench.data.pictures.files import picture_file
from synvae_workbench.data.pictures.splits import PARTS, complete_parts
from synvae_workbench.data.pictures.types import PictureSet
from synvae_workbench.data.places import folder_of
from synvae_workbench.data.sources import Published, checksum

BAM_LABELS = (
    *("content_bicycle", "content_bird", "content_building", "content_cars", "content_cat"),
    *("content_dog", "content_flower", "content_people", "content_tree"),
    *("emotion_gloomy", "emotion_happy", "emotion_peaceful", "emotion_scary"),
    *("media_oilpaint", "media_watercolor"),
)
MAX_NAMES_BYTES = 1_000_000
LAYOUT = (
    "expected img/<MID>.jpg, pictures whose names are numbers, and labels.npy, a row of 0, 0.5 and "
    "1 for each of them in the order of their numbers, with labels.txt, the labels' names one a "
    "line; either in this folder or in its sub-folders train and test"
)


class _Rows(NamedTuple):
    """Pictures of one folder in this layout, by MID, with a row of labels 0, 0.5 or 1 for each."""

    files: list[FoundFile]
    values: Float[np.ndarray, "n labels"]
    names: tuple[str, ...]
    left_out: Counter[str]


def find_paintings(folder: Path) -> list[Path]:
    """Label files of a folder in this layout, or none."""
    paths = (folder / "labels.npy", folder / "train" / "labels.npy")
    return [path for path in paths if path.is_file()]


PAINTINGS = Published(
    folder="paintings",
    title="paintings of Behance Artistic Media (BAM)",
    home="https://bam-dataset.org",
    licence="on request, for research; each picture belongs to its maker",
    size="as many as are given out: oil paintings and watercolours, shorter side 64 pixels",
    layout="train/ and test/, each with img/<MID>.jpg, labels.npy (a row a picture in the order "
    "of MIDs; 0, 0.5 or 1) and labels.txt (a name a column),",
    find=find_paintings,
    request="BAM is given out on request only: ask its makers by the form on "
    "https://bam-dataset.org",
)


def load_bam(options: PictureOptions) -> PictureSet:
    """Loads pictures in the BAM layout: strips to train on, centre crops to evaluate.

    If every picture has exactly one label, the labels are the classes; else they are booleans
    (n, labels), or with `combine` every set of labels that occurs is a class, named by joining
    their names with "+", or "none". Splits without a sub-folder are drawn by a hash of the names.

    Raises:
        ValueError: if the folder is not in this layout, and for a broken picture that is refused.
    """
    return read_set("paintings", list_bam(options), decoding_of(options))


def list_bam(options: PictureOptions) -> Listing:
    """Files, labels and splits of pictures in the BAM layout, as `load_bam` has them.

    Raises:
        ValueError: if the folder is not in this layout.
    """
    root = folder_of(PAINTINGS, options)
    parts = _read_parts(root)
    values = np.concatenate([rows.values for rows in parts.values()])
    files = [file for rows in parts.values() for file in rows.files]
    part = np.repeat(list(parts), [len(rows.files) for rows in parts.values()])
    names, values = _columns(root, parts, values, options.only)
    checksums = {"labels": checksum(values)}
    if options.uncertain == "drop":
        certain = np.flatnonzero((values != 0.5).all(1))
        values, part, files = values[certain], part[certain], [files[i] for i in certain]
    if not files:
        raise ValueError(f"{root} has no picture that could be used; {LAYOUT}")
    ids = [Path(file.name).stem for file in files]
    is_label = values >= 0.5 if options.uncertain == "up" else values == 1
    labels, classes = _label(is_label, names, options.combine)
    part = complete_parts(part, ids, options)
    left_out = sum((rows.left_out for rows in parts.values()), Counter())
    return Listing(root, files, ids, labels, part, classes, checksums, dict(left_out))


def _read_parts(root: Path) -> dict[int, _Rows]:
    """Pictures and labels of each split, by its place in `PARTS`; training alone without splits."""
    if (root / "labels.npy").is_file():
        return {0: _read_rows(root, "")}
    found = {
        place: _read_rows(root, name)
        for place, name in enumerate(PARTS)
        if (root / name / "labels.npy").is_file()
    }
    if 0 not in found:
        what = "has no labels.npy" if root.is_dir() else "is no folder"
        raise ValueError(f"{root} {what}; {LAYOUT}. {PAINTINGS.request}")
    return found


def _read_rows(root: Path, below: str) -> _Rows:
    folder = root / below
    if not (folder / "img").is_dir():
        raise ValueError(f"{folder} has no folder img; {LAYOUT}")
    by_number, left_out = [], Counter()
    for name in chosen_names(os.listdir(folder / "img"), {".jpg"}, left_out):
        stem = os.path.splitext(name)[0]
        if not (stem.isascii() and stem.isdigit()):
            path = folder / "img" / printable(name)
            raise ValueError(f"{path} has a name that is no number; {LAYOUT}")
        by_number.append((int(stem), name))
    below = f"{below}/img" if below else "img"
    files = [picture_file(root, f"{below}/{name}") for _, name in sorted(by_number)]
    path = folder / "labels.npy"
    values = _read_values(path)
    if len(values) != len(files):
        raise ValueError(
            f"{path} has {len(values)} rows for the {len(files)} pictures in {folder / 'img'}: "
            "expected one for each, in the order of their numbers; restore what is missing"
        )
    beside = [path for path in (folder / "labels.txt", root / "labels.txt") if path.is_file()]
    return _Rows(files, values, _read_names(path, values.shape[1], beside), left_out)


def _read_values(path: Path) -> Float[np.ndarray, "n labels"]:
    try:
        # Memory-mapping checks the header's number of rows against the file's size.
        values = np.lib.format.open_memmap(path, mode="r")
    except (OSError, ValueError, EOFError, OverflowError) as error:
        raise ValueError(f"{path} is no array of numbers ({error}); {LAYOUT}") from error
    if values.ndim != 2 or values.dtype.kind not in "fiub":
        raise ValueError(f"{path} is {values.dtype} of shape {values.shape}; {LAYOUT}")
    wrong = np.argwhere(~np.isin(values, (0, 0.5, 1)))
    if len(wrong):
        row, column = wrong[0]
        raise ValueError(
            f"{path} has {values[row, column]} in row {row}, column {column}; expected 0, 0.5 or 1"
        )
    return np.array(values, np.float32)


def _read_names(path: Path, count: int, beside: list[Path]) -> tuple[str, ...]:
    if not beside:
        if count == len(BAM_LABELS):
            return BAM_LABELS
        raise ValueError(
            f"{path} has {count} columns and there is no labels.txt beside it: expected one with "
            f"{count} names, one a line, or the {len(BAM_LABELS)} columns of BAM"
        )
    try:
        names = tuple(decode_text(read_small(beside[0], most_bytes=MAX_NAMES_BYTES)).split("\n"))
    except UnicodeError as error:
        raise ValueError(f"{beside[0]} is not text in UTF-8: write the names so") from error
    names = tuple(name.strip() for name in names if name.strip())
    if len(names) != count or len(set(names)) != count:
        raise ValueError(
            f"{beside[0]} has {len(names)} names, {len(set(names))} of them different, for the "
            f"{count} columns of {path}: expected one different name for each, one a line"
        )
    return names


def _columns(
    root: Path, parts: dict[int, _Rows], values: np.ndarray, only: str
) -> tuple[tuple[str, ...], np.ndarray]:
    """Names and columns of the chosen labels."""
    names = parts[0].names
    for place, rows in parts.items():
        if rows.names != names:
            raise ValueError(
                f"{root / PARTS[place]} and {root / PARTS[0]} have other labels ({rows.names} and "
                f"{names}): expected the same in the same order"
            )
    chosen = [i for i, label in enumerate(names) if label.startswith(only)]
    if not chosen:
        raise ValueError(f"{root} has no label that begins with {only!r}, only {', '.join(names)}")
    return tuple(names[i] for i in chosen), values[:, chosen]


def _label(
    is_label: Bool[np.ndarray, "n labels"], names: tuple[str, ...], combine: bool
) -> tuple[Tensor, tuple[str, ...]]:
    """Labels and class names: one label a picture, combined ones, or several a picture."""
    if (is_label.sum(1) == 1).all():
        return torch.from_numpy(is_label.argmax(1)), names
    if not combine:
        return torch.from_numpy(np.ascontiguousarray(is_label)), names
    return combine_labels(is_label, names)


def combine_labels(
    is_label: Bool[np.ndarray, "n labels"], names: tuple[str, ...]
) -> tuple[Int[Tensor, " n"], tuple[str, ...]]:
    """Class ids and class names where each set of labels that occurs is a class."""
    # The first labels first, and the more labels the earlier, as in a table that is sorted down.
    sets, class_ids = np.unique(~is_label, axis=0, return_inverse=True)
    classes = tuple(
        "+".join(name for name, absent in zip(names, row, strict=True) if not absent) or "none"
        for row in sets
    )
    return torch.from_numpy(class_ids.reshape(-1).astype(np.int64)), classes
