"""Export of reconstructed pictures as PNG files with an index, and their loader.

Class names and ids are not trusted: file names are made of letters, digits, ".", "-" and "_" alone,
and the true names are in the index.
"""

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from synvae_core.atomic import explained, make_folder, write_text
from synvae_core.small_files import read_json
from synvae_workbench.data.options import PictureOptions
from synvae_workbench.data.pictures.arrays import Decoding
from synvae_workbench.data.pictures.file_sets import Listing, read_set
from synvae_workbench.data.pictures.files import as_image, picture_file
from synvae_workbench.data.pictures.splits import PARTS
from synvae_workbench.data.pictures.types import PictureSet, Split
from synvae_workbench.data.places import named_folder
from synvae_workbench.data.sources import checksum

INDEX = "index.json"
MAX_INDEX_BYTES = 30_000_000  # 65,000 pictures of twenty labels have 10 million
MAX_SIDE = 4096  # pixels; bounds the memory that an index can ask for
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,99}")
# Names that Windows keeps for devices, whatever their suffix.
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def export_pictures(
    folder: Path, pictures: Split, classes: Sequence[str], *, split: str = "test"
) -> None:
    """Writes `<split>/<class>/<id>.png` and, last, their entry in `index.json`.

    An earlier export of the split is replaced; other splits stay.

    Args:
        pictures: square, grey or RGB; of several labels the first true one decides the sub-folder.
        split: "train", "validation" or "test".

    Raises:
        ValueError: if the pictures and classes do not fit together or an id stands twice; if the
            folder has pictures of other classes or another shape, or a sub-folder of that name that
            was not written by this function.
    """
    images, labels, ids, _ = pictures
    folder = Path(folder)
    classes = tuple(classes)
    _check(pictures, classes, split)
    entry = {
        "classes": list(classes),
        "multi_label": labels.dtype == torch.bool,
        "shape": list(images.shape[1:]),
    }
    index = _read_index(folder) if (folder / INDEX).is_file() else entry | {"splits": {}}
    for key, value in entry.items():
        if index[key] != value:
            raise ValueError(
                f"{folder / INDEX} is of pictures with {key} {index[key]}, not {value}: "
                "export to another folder"
            )
    target = folder / split
    if target.exists() or target.is_symlink():
        if split not in index["splits"] or target.is_symlink():
            raise ValueError(f"{target} is there, and no export: choose another folder or move it")
        del index["splits"][split]  # until the new one is complete
        _write_index(folder, index)
        shutil.rmtree(target)
    make_folder(folder)
    with explained(target), tempfile.TemporaryDirectory(dir=folder, prefix=f".{split}.") as parent:
        whole = Path(parent) / split
        _write_pictures(whole, images, _names(labels, ids, classes))
        whole.rename(target)
    index["splits"][split] = {
        "ids": list(ids),
        "labels": labels.to(torch.int64).tolist(),
        "sha256": checksum(images.numpy()),
    }
    _write_index(folder, index)


def load_reconstructions(options: PictureOptions) -> PictureSet:
    """Loads exported pictures with the same pixels, ids, labels and order.

    A split that was not exported is empty.

    Raises:
        ValueError: if the folder is no export, or a picture is missing or not the one exported.
    """
    folder = named_folder(options)
    index = _read_index(folder)
    classes, splits = tuple(index["classes"]), index["splits"]
    kind = torch.bool if index["multi_label"] else torch.int64
    labels = torch.zeros((0, len(classes)) if index["multi_label"] else 0, dtype=kind)
    names, ids, part = [], [], []
    for place, split in enumerate(PARTS):
        if split in splits and splits[split]["ids"]:
            own = torch.tensor(splits[split]["labels"]).to(kind)
            names += [f"{split}/{name}" for name in _names(own, splits[split]["ids"], classes)]
            labels = torch.cat([labels, own])
            ids += splits[split]["ids"]
            part += [place] * len(own)
    files = [picture_file(folder, name) for name in names]
    listing = Listing(folder, files, ids, labels, np.array(part, np.int64), classes, {}, {})
    decoding = Decoding(index["shape"][1], index["shape"][0], cache=options.cache)
    pictures = read_set("reconstructions", listing, decoding, crops=False)
    for split in splits:
        if checksum(getattr(pictures, split).images.numpy()) != splits[split]["sha256"]:
            raise ValueError(
                f"{folder / split} has other pictures than were exported: export them again"
            )
    return pictures


def _check(pictures: Split, classes: tuple[str, ...], split: str) -> None:
    images, labels, ids, _ = pictures
    if split not in PARTS:
        raise ValueError(f"split is one of {', '.join(PARTS)}, got {split!r}")
    if images.shape[1] not in (1, 3) or not len(images) == len(labels) == len(ids):
        raise ValueError(
            f"{len(images)} pictures with {images.shape[1]} channels, {len(labels)} labels and "
            f"{len(ids)} ids: expected as many of each, and 1 or 3 channels"
        )
    if len(set(ids)) < len(ids) or len(set(classes)) < len(classes):
        raise ValueError("an id or a class stands twice: each needs a name of its own")
    if labels.dtype == torch.bool:
        in_range = labels.shape[1] == len(classes)
    else:
        in_range = not len(labels) or 0 <= labels.min() <= labels.max() < len(classes)
    if not in_range:
        raise ValueError(f"the labels are not of {len(classes)} classes")


def _names(labels: Tensor, ids: Sequence[str], classes: tuple[str, ...]) -> list[str]:
    """File names `<class>/<id>.png`, safe as paths and unique."""
    folders = [*_safe_names(classes), "none"]
    if labels.dtype == torch.bool:
        labels = torch.cat([labels, torch.ones(len(labels), 1, dtype=torch.bool)], 1)
        labels = labels.int().argmax(1)
    pairs = zip(labels.tolist(), _safe_names(ids), strict=True)
    return [f"{folders[label]}/{name}.png" for label, name in pairs]


def _safe_names(names: Sequence[str]) -> list[str]:
    """Safe file names: names as they are if safe, else their safe characters and a digest."""
    seen: dict[str, int] = {}
    for name in names:  # "a" and "A" are one file on many disks
        seen[name.casefold()] = seen.get(name.casefold(), 0) + 1
    safe = []
    for name in names:
        plain = _PLAIN.fullmatch(name) and not name.endswith(".") and not _DEVICE.fullmatch(name)
        if plain and seen[name.casefold()] == 1:
            safe.append(name)
        else:
            digest = hashlib.sha256(os.fsencode(name)).hexdigest()[:16]
            safe.append(f"{re.sub('[^A-Za-z0-9]+', '_', name)[:60]}~{digest}")
    return safe


def _write_pictures(folder: Path, images: Tensor, names: Sequence[str]) -> None:
    for parent in {Path(name).parent for name in names}:
        (folder / parent).mkdir(parents=True)
    folder.mkdir(exist_ok=True)

    def write(i: int) -> None:
        as_image(images[i].numpy()).save(folder / names[i])

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(write, range(len(names))):
            pass


def _read_index(folder: Path) -> dict:
    path = folder / INDEX
    try:
        index = read_json(path, most_bytes=MAX_INDEX_BYTES)
        channels, height, width = index["shape"]
        whole = channels in (1, 3) and height == width and height in range(1, MAX_SIDE + 1)
        whole = whole and isinstance(index["multi_label"], bool)
        whole = whole and all(isinstance(name, str) for name in index["classes"])
        if not whole or not all(_is_whole(name, index) for name in index["splits"]):
            raise ValueError("it contradicts itself")
    except (ValueError, LookupError, TypeError, OverflowError) as error:
        raise ValueError(f"{path} is no index of exported pictures ({error}): export again") from (
            error
        )
    return index


def _is_whole(split: str, index: dict) -> bool:
    """True if a split's entry has a label in range, or a row of them, for every id."""
    entry, count = index["splits"][split], len(index["classes"])
    labels = np.array(entry["labels"], np.int64)
    rows = (len(entry["ids"]), count) if index["multi_label"] else (len(entry["ids"]),)
    top = 2 if index["multi_label"] else count
    return bool(
        split in PARTS
        and isinstance(entry["sha256"], str)
        and all(isinstance(name, str) for name in entry["ids"])
        and len(set(entry["ids"])) == len(entry["ids"])
        and (labels.shape == rows or not rows[0])
        and (not labels.size or 0 <= labels.min() <= labels.max() < top)
    )


def _write_index(folder: Path, index: dict) -> None:
    write_text(folder / INDEX, json.dumps(index, indent=1))
