"""The melodies of an index nearest to one, by ear and by latents.

By ear is the distance of blurred piano rolls, exact for what is found: lists give candidates, and
tables their distances. By latents is the distance of posterior means, as the model hears melodies:
those of a language are spread like N(0, I), in which lists find little that all others have not,
and faiss's exact search is as fast (docs/search.md).
"""

from functools import cached_property
from typing import NamedTuple

import faiss
import numpy as np
from jaxtyping import Float, Float32, Integer

from synvae_core.metrics.melody_distances.roll_tables import squared_distances, table_sums
from synvae_core.music.rolls import roll_codes
from synvae_workbench.search.lists import InvertedLists
from synvae_workbench.search.store import Index

NEAREST = 10
CANDIDATES = 30  # for each melody that is asked for, whose distances are computed


class Heard(NamedTuple):
    """A melody that was found: its file in the folder, and its distance."""

    name: str
    distance: float


class Search:
    """Search in an index."""

    def __init__(self, index: Index) -> None:
        self.index = index

    def by_ear(
        self, events: Integer[np.ndarray, " t"], *, k: int = NEAREST, exact: bool = False
    ) -> list[Heard]:
        """The k melodies that sound most alike, by distances of blurred piano rolls.

        Args:
            exact: compares with all of them; otherwise, of many, with likely ones.

        Raises:
            ValueError: if the melody has another length than those of the index.
        """
        melodies = self.index.melodies
        if len(events) != self.index.about.steps:
            raise ValueError(
                f"the melody has {len(events)} sixteenths, those of the index have "
                f"{self.index.about.steps}"
            )
        [codes] = roll_codes(events[None])
        rows = None if exact or self._lists is None else self._candidates(codes, CANDIDATES * k)
        known = melodies.codes, melodies.norms
        apart = squared_distances(codes, *(known if rows is None else (a[rows] for a in known)))
        return self._first(np.sqrt(apart), rows, k)

    def by_latents(self, latents: Float[np.ndarray, " z"], *, k: int = NEAREST) -> list[Heard]:
        """The k melodies nearest in a model's latents, exactly.

        Raises:
            ValueError: if the index was made without a model, or with one of other latents.
        """
        own = self.index.melodies.latents.shape[1]
        if own != len(latents):
            raise ValueError(
                f"the index has {own} latents of each melody, the model {len(latents)}: make the "
                "index with this model"
            )
        k = min(k, self._flat.ntotal)
        [apart], [rows] = self._flat.search(np.asarray(latents, np.float32)[None], max(1, k))
        found = zip(rows.tolist(), np.sqrt(np.maximum(apart, 0)).tolist(), strict=True)
        return [Heard(self.index.melodies.name(row), far) for row, far in found if row >= 0]

    def _candidates(self, codes: np.ndarray, count: int) -> np.ndarray:
        assert self.index.ear is not None and self._lists is not None
        [vector] = table_sums(self.index.ear.components, codes[None])
        return self._lists.nearest(vector, count)

    def _first(
        self, apart: Float32[np.ndarray, " n"], rows: np.ndarray | None, k: int
    ) -> list[Heard]:
        k = min(k, len(apart))
        first = np.argpartition(apart, k - 1)[:k] if k else np.zeros(0, np.int64)
        first = first[np.lexsort((first, apart[first]))]
        name = self.index.melodies.name
        return [Heard(name(int(i if rows is None else rows[i])), float(apart[i])) for i in first]

    @cached_property
    def _lists(self) -> InvertedLists | None:
        ear = self.index.ear
        return None if ear is None else InvertedLists(ear.grid, ear.coded)

    @cached_property
    def _flat(self) -> faiss.IndexFlatL2:
        latents = self.index.melodies.latents
        index = faiss.IndexFlatL2(latents.shape[1])
        for part in np.array_split(latents, max(1, len(latents) // 50_000)):
            index.add(part.astype(np.float32))
        return index
