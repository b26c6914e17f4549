"""Melodies of known pictures, listened to piece by piece, and the pictures that sound alike.

A thousand pictures with 16 takes each are half a minute of work. It is done in pieces, so that a
page answers meanwhile, and kept in the cache, named by digests of the model and of the pictures.
"""

import contextlib
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int, UInt8
from torch import Tensor

from synvae_core.metrics.melody_distances.blurred_roll import blurred_rolls
from synvae_core.models.synvae import SynVae
from synvae_core.music.coding import Coding
from synvae_core.music.midi import round_trip
from synvae_workbench.data.cache import (
    cache_folder,
    digest_of,
    read_arrays,
    weights_of,
    write_arrays,
)

LISTENING_VERSION = 1  # count up when a model plays other melodies than before
AT_ONCE = 4  # pictures of a piece: about a seventh of a second


class KnownMelodies:
    """Melodies of pictures, read from MIDI files; compared by their blurred piano rolls.

    Args:
        model: in evaluation mode on the CPU.
        images: of the model's size.
        cache: folder; by default `$SYNVAE_CACHE`, else `~/.cache/synvae`.
    """

    def __init__(
        self, model: SynVae, images: UInt8[Tensor, "n c h w"], *, cache: Path | None = None
    ) -> None:
        self._model, self._images = model, images
        self._coding = model.music.coding
        self._path = cache_folder(cache) / f"melodies-{_digest(model, images)}.npz"
        self._parts: list[Int[np.ndarray, "b t"]] = []
        self._rolls: Float32[np.ndarray, "n _"] | None = None
        stored = read_arrays(self._path, ["events"])
        shape = (len(images), model.music.config.steps * self._coding.voices)
        if stored is not None and _are_melodies(stored["events"], shape, self._coding):
            self._parts.append(stored["events"].astype(np.int64))

    @property
    def heard(self) -> int:
        """Pictures that were listened to."""
        return sum(map(len, self._parts))

    @property
    def complete(self) -> bool:
        """True when all were listened to."""
        return self.heard == len(self._images)

    def hear_more(self, count: int = AT_ONCE) -> None:
        """Listens to the next pictures; the melodies of all are stored after the last."""
        if self.complete:
            return
        piece = self._images[self.heard : self.heard + count].float() / 255
        self._parts.append(round_trip(self._model.listen(piece).numpy(), coding=self._coding))
        if self.complete:
            with contextlib.suppress(OSError):  # a read-only or full disk: heard again next time
                write_arrays(self._path, {"events": np.concatenate(self._parts)})

    def hear_all(self) -> Int[np.ndarray, "n t"]:
        """Melodies of all pictures, which takes as long as it takes."""
        while not self.complete:
            self.hear_more(64)
        return np.concatenate(self._parts)

    def nearest(
        self, events: Int[np.ndarray, " t"], *, k: int, without: int | None = None
    ) -> list[int]:
        """Indices of the k pictures whose melodies sound most alike, one of them left out.

        Raises:
            ValueError: if not all were listened to.
        """
        if not self.complete:
            raise ValueError(
                f"{self.heard} of {len(self._images)} pictures were listened to: hear_all() first"
            )
        if self._rolls is None:
            self._rolls = blurred_rolls(np.concatenate(self._parts), self._coding)
        # scipy.spatial, which does the same, takes 0.3 s and 20 MB of the page's start.
        apart = np.linalg.norm(self._rolls - blurred_rolls(events[None], self._coding), axis=1)
        return [i for i in apart.argsort(kind="stable").tolist() if i != without][:k]


def _digest(model: SynVae, images: UInt8[Tensor, "n c h w"]) -> str:
    settings = (LISTENING_VERSION, repr(model.config), tuple(images.shape))
    return digest_of(settings, weights_of(model) | {"pictures": images.numpy().tobytes()})


def _are_melodies(events: np.ndarray, shape: tuple[int, int], coding: Coding) -> bool:
    """Whether a file's array can be what was stored: anybody may have written there."""
    if events.shape != shape or events.dtype.kind not in "iu":
        return False
    with contextlib.suppress(ValueError):
        return np.array_equal(coding.canonical(events.astype(np.int64)), events)
    return False
