"""File of an index: named arrays in safetensors, written at once and checked before use.

One file, which is replaced when a new one is whole: whatever ends an update leaves the old index.
It may come from anybody. The library that reads it compares what its header claims with the bytes
that are there; here, names, types, shapes and values are held to what an index has.
"""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float16, Float32, Int64, UInt8
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from synvae_core.atomic import make_folder, replace_when_written
from synvae_core.music.rolls import CODES
from synvae_core.small_files import open_regular, parse_json
from synvae_workbench.album.layout import hidden_folder
from synvae_workbench.data.files import path_within
from synvae_workbench.search.lists import Coded, Grid, check

INDEX = "search.safetensors"
FORMAT = 1
MAX_HEADER = 1 << 20  # bytes; ours has 3,000
MAX_BYTES = 1 << 36  # of an index of some hundred million
MOST_STEPS, MOST_DIMS = 1024, 1024
DIGEST = 16  # bytes of a file's digest


class Melodies(NamedTuple):
    """What is known of each file: where it is, its digest, its size and time, its melody."""

    names: UInt8[np.ndarray, " bytes"]  # paths in the folder, one after the other
    ends: Int64[np.ndarray, " n"]  # of each name in them
    digests: UInt8[np.ndarray, "n digest"]
    stamps: Int64[np.ndarray, "n 2"]  # size in bytes, modification time in ns
    codes: UInt8[np.ndarray, "n t"]  # of the piano roll, `roll_tables`
    norms: Float32[np.ndarray, " n"]  # squared, of the blurred roll
    latents: Float16[np.ndarray, "n z"]  # as the model hears the melody; z is 0 without a model

    def name(self, row: int) -> str:
        """Path of a file in the folder, with slashes.

        Raises:
            ValueError: if it is none that lies in the folder.
        """
        start = int(self.ends[row - 1]) if row else 0
        return path_within(os.fsdecode(self.names[start : int(self.ends[row])].tobytes()))


class Ear(NamedTuple):
    """Principal components of blurred rolls, as a table of codes, and coded vectors along them."""

    components: Float32[np.ndarray, "t codes d"]
    grid: Grid
    coded: Coded


class About(NamedTuple):
    """Sixteenths of a melody, digest of the model whose latents these are, melodies at training."""

    steps: int
    model: str = ""
    trained: int = 0


class Index(NamedTuple):
    """An index as it is stored; small ones have no lists."""

    about: About
    melodies: Melodies
    ear: Ear | None = None


def index_file(folder: Path) -> Path:
    """File of a folder's index."""
    return hidden_folder(folder) / INDEX


def write_index(index: Index, folder: Path) -> Path:
    """Writes the index of a folder, in place of the one before.

    Raises:
        UnwritableError: if the disk is full or read-only; what was there before stays.
    """
    arrays = dict(index.melodies._asdict())
    if index.ear is not None:
        arrays |= index.ear.grid._asdict() | index.ear.coded._asdict()
        arrays["components"] = index.ear.components
    path = index_file(folder)
    make_folder(path.parent)
    about = json.dumps({"format": FORMAT, **index.about._asdict()})
    with replace_when_written(path) as part:
        part.touch()
        mode = part.stat().st_mode
        content = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        try:
            save_file(content, part, metadata={"synvae": about})
        except SafetensorError as error:  # of a full disk, say, whose number it tells in words
            number = re.search(r"os error (\d+)", str(error))
            raise OSError(int(number[1]) if number else 0, str(error)) from error
        part.chmod(mode)  # the library's files are for their owner alone
    return path


def read_index(folder: Path) -> Index:
    """Reads the index of a folder.

    Raises:
        ValueError: if there is none, or it is damaged or of another format.
    """
    path = index_file(folder)
    if not path.exists():
        raise ValueError(f"{folder} has no index: make one with `synvae index {folder}`")
    try:
        with open_regular(path, most_bytes=MAX_BYTES) as file:
            if int.from_bytes(file.read(8), "little") > MAX_HEADER:
                raise ValueError(f"its header has more than {MAX_HEADER:,} bytes")
        with safe_open(path, "np") as file:
            about = _about(file.metadata() or {})
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        index = Index(about, melodies := _melodies(arrays, about.steps), _ear(arrays, melodies))
        if arrays:
            raise ValueError(f"no index has {', '.join(sorted(arrays))[:100]}")
        return index
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        words = str(error)[:300] or type(error).__name__
        raise ValueError(
            f"{path} is no index that can be used ({words}): remove it, and make it anew with "
            f"`synvae index {folder}`"
        ) from error


def _about(metadata: Mapping[str, str]) -> About:
    said = parse_json(metadata["synvae"])
    if said.pop("format", None) != FORMAT:
        raise ValueError(f"it has another format than {FORMAT}")
    about = About(**said)
    if not isinstance(about.steps, int) or not 1 <= about.steps <= MOST_STEPS:
        raise ValueError(f"steps are 1 to {MOST_STEPS}")
    if not isinstance(about.trained, int) or not isinstance(about.model, str):
        raise ValueError("`trained` is a number and `model` a text")
    return about


def _melodies(arrays: dict[str, np.ndarray], steps: int) -> Melodies:
    """Takes out the melodies, held to their sizes: every shape follows from n and the steps."""
    found = Melodies(*(arrays.pop(name) for name in Melodies._fields))
    n = len(found.ends)
    _expect("names", found.names, np.uint8, (found.names.size,))
    _expect("ends", found.ends, np.int64, (n,))
    _expect("digests", found.digests, np.uint8, (n, DIGEST))
    _expect("stamps", found.stamps, np.int64, (n, 2))
    _expect("codes", found.codes, np.uint8, (n, steps))
    _expect("norms", found.norms, np.float32, (n,))
    _expect("latents", found.latents, np.float16, (n, min(found.latents.shape[-1], MOST_DIMS)))
    bounds = np.concatenate([[0], found.ends, [found.names.size]])
    if (np.diff(bounds) < 0).any() or bounds[-2] != bounds[-1]:
        raise ValueError("names do not end where they should")
    if found.codes.max(initial=0) >= CODES:
        raise ValueError(f"codes are below {CODES}")
    if not (np.isfinite(found.norms).all() and np.isfinite(found.latents).all()):
        raise ValueError("norms and latents are finite numbers")
    return found


def _ear(arrays: dict[str, np.ndarray], melodies: Melodies) -> Ear | None:
    """Takes out the lists, if there are some, held to the melodies."""
    if not arrays:
        return None
    n, steps = melodies.codes.shape
    grid = Grid(*(arrays.pop(name) for name in Grid._fields))
    coded = Coded(*(arrays.pop(name) for name in Coded._fields))
    check(grid, coded)
    if len(coded.cells) != n or grid.centres.shape[1] > MOST_DIMS:
        raise ValueError(f"there are {len(coded.cells):,} vectors for {n:,} melodies")
    components = arrays.pop("components")
    _expect("components", components, np.float32, (steps, CODES, grid.centres.shape[1]))
    if not np.isfinite(components).all():
        raise ValueError("components are finite numbers")
    return Ear(components, grid, coded)


def _expect(name: str, array: np.ndarray, dtype: type, shape: tuple[int, ...]) -> None:
    if array.dtype != dtype or array.shape != shape:
        raise ValueError(f"{name} is {array.dtype} {array.shape}: expected {shape}")
