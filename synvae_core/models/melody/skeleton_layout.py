"""Order of the tokens of a skeleton (`skeleton`) of two bars or more: from the form to the contour.

A piece of several times two bars begins with its form, one token for each bar after the first: 0
where the bar is new, j + 1 where it repeats bar j note for note. What two bars are like as a whole
follows for each two bars in turn (their key is that of the piece), then all rhythm, then all
heights: what is coarse of the whole piece comes before what is fine of its beginning.
"""

from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Int
from torch import Tensor

from synvae_core.music.coding import STEPS_PER_BAR, STEPS_PER_QUARTER

KEYS = 12
TOKEN_HEIGHTS = 52  # of the white keys of a piano, and of as many steps of any other key
MOST_RISING, MOST_LATER = 10, 8  # where the two differences are cut off
BARS = (2, 4, 8, 16)
PHRASE_BARS = 2  # that are described as a whole
LAGS = (1, 2, 4, 8)  # bars back, at which a bar may be like an earlier one

# Kinds of tokens: each has its own embeddings.
REGISTER, KEY, DENSITY, RISING, LATER, RHYTHM, HEIGHT, FORM = range(8)
_PHRASE_STEPS = PHRASE_BARS * STEPS_PER_BAR
_SIZES = {
    REGISTER: 27,
    KEY: KEYS,
    DENSITY: _PHRASE_STEPS // 2 + 1,
    RISING: 2 * MOST_RISING + 1,
    LATER: 2 * MOST_LATER + 1,
    RHYTHM: 2**STEPS_PER_QUARTER,
    HEIGHT: TOKEN_HEIGHTS,
}


@dataclass(frozen=True)
class SkeletonLayout:
    """Places of the tokens of a skeleton of so many bars.

    Raises:
        ValueError: for another number than 2, 4, 8 or 16.
    """

    bars: int = 2

    def __post_init__(self) -> None:
        if self.bars not in BARS:
            raise ValueError(f"a skeleton is of {BARS} bars, got {self.bars}")

    @property
    def phrases(self) -> int:
        return self.bars // PHRASE_BARS

    @property
    def steps(self) -> int:
        return self.bars * STEPS_PER_BAR

    @property
    def beats(self) -> int:
        return self.steps // STEPS_PER_QUARTER

    @property
    def eighths(self) -> int:
        return self.steps // 2

    @cached_property
    def kinds(self) -> tuple[int, ...]:
        """Kind of each token."""
        first, others = [REGISTER, KEY, DENSITY, RISING, LATER], [REGISTER, DENSITY, RISING, LATER]
        wholes = first + others * (self.phrases - 1)
        form = [FORM] * (self.bars - 1 if self.phrases > 1 else 0)
        return (*form, *wholes, *[RHYTHM] * self.beats, *[HEIGHT] * self.eighths)

    @cached_property
    def kind_sizes(self) -> tuple[int, ...]:
        """Number of values of each kind; of the form there is none in two bars."""
        return (*_SIZES.values(), *([self.bars] if self.phrases > 1 else []))

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """Number of values of each token."""
        return tuple(self.kind_sizes[kind] for kind in self.kinds)

    def part(self, kind: int) -> slice:
        """Places of the form, the rhythm or the heights, which lie side by side."""
        start = self.kinds.index(kind) if kind in self.kinds else 0
        return slice(start, start + self.kinds.count(kind))

    @cached_property
    def form(self) -> slice:
        return self.part(FORM)

    @cached_property
    def whole(self) -> slice:
        """Places of what each two bars are like as a whole."""
        return slice(self.form.stop, self.rhythm.start)

    @cached_property
    def rhythm(self) -> slice:
        return self.part(RHYTHM)

    @cached_property
    def heights(self) -> slice:
        return self.part(HEIGHT)

    @cached_property
    def parts(self) -> tuple[slice, ...]:
        """Form, wholes, rhythm and heights, as far as there are any."""
        parts = (self.form, self.whole, self.rhythm, self.heights)
        return tuple(part for part in parts if part.stop > part.start)

    def places(self, kind: int) -> list[int]:
        """Places of a kind, one for each two bars (of the key: one)."""
        return self._places[kind]

    @cached_property
    def _places(self) -> list[list[int]]:
        """Places of each kind; they are asked for at every step that is played."""
        places: list[list[int]] = [[] for _ in range(FORM + 1)]
        for place, kind in enumerate(self.kinds):
            places[kind].append(place)
        return places

    def bar_of(self) -> Int[Tensor, " tokens"]:
        """Bar of each token of rhythm or heights; -1 of the others."""
        bars = torch.full((len(self.kinds),), -1)
        for part in (self.rhythm, self.heights):
            bars[part] = torch.arange(self.bars).repeat_interleave(self.in_bar(part))
        return bars

    def in_bar(self, part: slice) -> int:
        """Tokens that a bar has of the rhythm or the heights."""
        return (part.stop - part.start) // self.bars

    def before_by(self) -> Int[Tensor, "tokens lags"]:
        """Place of the same token `LAGS` bars before, of wholes some phrases; -1 where none is."""
        places = torch.full((len(self.kinds), len(LAGS)), -1)
        for kind in (REGISTER, DENSITY, RISING, LATER, RHYTHM, HEIGHT):
            own = torch.tensor(self.places(kind))
            in_bar = len(own) / self.bars  # half a token of a whole
            for column, lag in enumerate(LAGS):
                back = int(lag * in_bar)
                if 0 < back < len(own) and back == lag * in_bar:
                    places[own[back:], column] = own[:-back]
        return places
