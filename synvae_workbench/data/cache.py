"""Cache of arrays between runs, in npz files that are written atomically.

Several processes may share the folder; a broken file is built again, and on a full or read-only
disk everything is.
"""

import contextlib
import hashlib
import os
from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np
from torch import nn

from synvae_core.atomic import make_folder, remove_leftovers, replace_when_written
from synvae_core.places import whole_path
from synvae_workbench.unpacking import read_npz

DAY = 86_400.0  # seconds; nobody writes at one file for longer


def cache_folder(cache: Path | bool | None = None) -> Path:
    """Folder of the cache: the one given, else `$SYNVAE_CACHE`, else `~/.cache/synvae`."""
    named = cache if isinstance(cache, Path) else os.environ.get("SYNVAE_CACHE")
    return whole_path(named or "~/.cache/synvae")


def digest_of(settings: tuple, files: dict[str, bytes]) -> str:
    """Digest of settings and of the files' contents, 16 hexadecimal digits."""
    digest = hashlib.sha256(repr(settings).encode())
    for name, content in files.items():
        digest.update(f"{name} {len(content)} ".encode() + content)
    return digest.hexdigest()[:16]


def weights_of(model: nn.Module) -> dict[str, bytes]:
    """A model's weights by their names, as `digest_of` takes files."""
    return {name: tensor.cpu().numpy().tobytes() for name, tensor in model.state_dict().items()}


def cached_arrays(
    path: Path,
    names: Collection[str],
    build: Callable[[], dict[str, np.ndarray]],
    *,
    compressed: bool = False,
) -> dict[str, np.ndarray]:
    """Loads arrays from a file of the cache, or builds and stores them.

    Args:
        names: arrays without which the file counts as broken.
    """
    arrays = read_arrays(path, names)
    if arrays is None:
        arrays = build()
        with contextlib.suppress(OSError):  # a read-only or full disk: built every time
            write_arrays(path, arrays, compressed=compressed)
    return arrays


def read_arrays(path: Path, names: Collection[str]) -> dict[str, np.ndarray] | None:
    """Loads all arrays of a file; None if there is none or it is broken.

    Args:
        names: arrays without which it counts as broken.
    """
    try:
        arrays = read_npz(path)
    except (OSError, ValueError):
        return None
    return arrays if arrays.keys() >= set(names) else None


def write_arrays(path: Path, arrays: dict[str, np.ndarray], *, compressed: bool = False) -> None:
    """Writes arrays to a file, atomically.

    Raises:
        OSError: if the disk is full or read-only; what was there before stays.
    """
    save = np.savez_compressed if compressed else np.savez
    make_folder(path.parent)
    remove_leftovers(path.parent, path.name, older_than=DAY)
    with replace_when_written(path) as part, part.open("wb") as file:
        save(file, **arrays)
