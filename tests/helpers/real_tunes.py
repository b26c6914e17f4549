"""Windows of real tunes of any length, without the whole corpus, which takes long to build."""

from functools import cache

import torch
from jaxtyping import Int
from no_checks import no_checks
from torch import Tensor

from synvae_workbench.data.melodies.abc import Tune
from synvae_workbench.data.melodies.abc_corpus import ABC_TUNES, bar_windows, read_tunes

BOOK = "airdsAirs/book1.abc"


def real_windows(bars: int, *, most: int) -> Int[Tensor, "n t"]:
    """The first windows of each tune of a packaged book of 200, and then further ones."""
    with no_checks():
        found = [torch.from_numpy(bar_windows(tune, bars=bars)).long() for tune in _tunes()]
    first, later = [rows[:1] for rows in found], [rows[1:] for rows in found]
    return torch.cat([*first, *later])[:most]


@cache
def _tunes() -> list[Tune]:
    (book,) = [path for path in ABC_TUNES.files() if path.match(BOOK)]
    return read_tunes({BOOK: book.read_bytes()})[0]
