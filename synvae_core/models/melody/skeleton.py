"""Skeletons of melodies: their form, what they are like as a whole, their onsets, their contour.

A skeleton is computed from the notes. Its tokens go from coarse to fine (`skeleton_layout`):

- of pieces of more than two bars, the form: which earlier bar each repeats, if any;
- of each two bars: register (mean height, in bins of two scale steps), density (onsets, in bins of
  two), rising (mean height of the second bar less that of the first, in bins of two steps), later
  (onsets of the second bar less those of the first); and the key signature of the piece along the
  circle of fifths (from five flats to six sharps);
- of rhythm: the onsets of each beat, a set of four sixteenths, ordered by how many there are and,
  of as many, how early they are;
- heights: the pitch of each eighth in scale steps of that key, carried through rests. A raised step
  has the height of the step itself.

Larger tokens are more of what they are named after. The key is that whose scale holds most of the
onsets, weighed by a profile of its tonic triad, as in the key finding of Krumhansl 1990, "Cognitive
Foundations of Musical Pitch".
"""

import itertools

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Int
from torch import Tensor, nn

from synvae_core.models.melody.skeleton_layout import (
    DENSITY,
    KEY,
    KEYS,
    LATER,
    MOST_LATER,
    MOST_RISING,
    REGISTER,
    RISING,
    TOKEN_HEIGHTS,
    SkeletonLayout,
)
from synvae_core.music.coding import STEPS_PER_BAR, STEPS_PER_QUARTER, Coding
from synvae_core.music.keys import DEGREES, KEY_PROFILE, TONICS

LOWEST_HEIGHT = 12  # scale steps from MIDI pitch 0 to the lowest height, A0 in C major
MIDDLE = 69  # the pitch of silence, A4


class SkeletonReader(nn.Module):
    """Tokens of melodies, and the tables that say what the tokens mean; nothing is learnt.

    Attributes:
        onsets: (16, 4), the onsets of a beat's token.
        tonic: pitch class of each key.
        height_of: (keys, 128), height of each pitch, within 0..51.
        pitch_of: (keys, 52), MIDI pitch of each height, not raised.
        notes_at: (keys, 52, events), the events that start a note of that height.
    """

    onsets: Int[Tensor, "masks steps"]
    ranks: Int[Tensor, " masks"]
    tonic: Int[Tensor, " keys"]
    key_weights: Int[Tensor, "classes keys"]
    height_of: Int[Tensor, "keys pitches"]
    pitch_of: Int[Tensor, "keys heights"]
    notes_at: Bool[Tensor, "keys heights events"]

    def __init__(self, coding: Coding, bars: int = 2):
        super().__init__()
        self.coding, self.layout = coding, SkeletonLayout(bars)
        masks = sorted(
            itertools.product((0, 1), repeat=STEPS_PER_QUARTER),
            key=lambda mask: (sum(mask), [-onset for onset in mask]),
        )
        onsets = torch.tensor(masks)
        numbers = (onsets * _powers(onsets)).sum(1)
        key_weights = torch.from_numpy(KEY_PROFILE[DEGREES])
        in_scale = key_weights > 0
        steps = in_scale[torch.arange(160) % 12].T.cumsum(1) - 1 - LOWEST_HEIGHT
        height_of = steps[:, :128].clamp(0, TOKEN_HEIGHTS - 1)
        heights = torch.arange(TOKEN_HEIGHTS)
        starts = coding.starts(torch.arange(coding.size))
        notes_at = (height_of[:, None, starts] == heights[:, None]) & (starts > 0)
        tables = {
            "onsets": onsets,
            "ranks": numbers.argsort(),
            "tonic": torch.from_numpy(TONICS),
            "key_weights": key_weights,
            "height_of": height_of,
            "pitch_of": torch.searchsorted(steps, heights.expand(KEYS, -1).contiguous()),
            "notes_at": notes_at,
        }
        for name, table in tables.items():
            self.register_buffer(name, table, persistent=False)

    def forward(self, events: Int[Tensor, "b t"]) -> Int[Tensor, "b tokens"]:
        """Tokens of melodies."""
        layout, pitches = self.layout, self.coding.starts(events)
        onsets = (pitches > 0).long()
        key = self.key(pitches)
        heights = self.height_of[key[:, None], carried(pitches)[:, ::2]]
        beats = onsets.unflatten(1, (layout.beats, STEPS_PER_QUARTER))
        # Of each half of each two bars.
        first, second = heights.unflatten(1, (-1, 2, STEPS_PER_BAR // 2)).sum(3).unbind(2)
        before, after = onsets.unflatten(1, (-1, 2, STEPS_PER_BAR)).sum(3).unbind(2)
        whole = {
            REGISTER: ((first + second) / (2 * STEPS_PER_BAR)).round().long(),
            KEY: key[:, None],
            DENSITY: ((before + after) / 2).round().long(),
            RISING: ((second - first) / STEPS_PER_BAR).round().long(),
            LATER: (after - before).clamp(-MOST_LATER, MOST_LATER) + MOST_LATER,
        }
        whole[RISING] = whole[RISING].clamp(-MOST_RISING, MOST_RISING) + MOST_RISING
        tokens = torch.empty(len(events), len(layout.kinds), dtype=torch.long, device=events.device)
        for kind, values in whole.items():
            tokens[:, layout.places(kind)] = values
        tokens[:, layout.rhythm] = self.ranks[(beats * _powers(beats)).sum(-1)]
        tokens[:, layout.heights] = heights
        if layout.phrases > 1:
            tokens[:, layout.form] = repeats(events.unflatten(1, (layout.bars, -1)))
        return tokens

    def key(self, pitches: Int[Tensor, "b t"]) -> Int[Tensor, " b"]:
        """Key of the onsets; of several that fit as well, the one with the most flats."""
        classes = F.one_hot(pitches % 12, 12) * (pitches > 0)[..., None]
        fit = classes.sum(1).float() @ self.key_weights.float()  # integers: exact
        return (fit * KEYS - torch.arange(KEYS, device=fit.device)).argmax(1)

    def onset_flags(self, tokens: Int[Tensor, "b tokens"]) -> Int[Tensor, "b t"]:
        """1 at every step that has an onset, by the tokens of rhythm."""
        return self.onsets[tokens[:, self.layout.rhythm]].flatten(1)

    def half_heights(self, tokens: Int[Tensor, "b tokens"]) -> Int[Tensor, "b halves"]:
        """Mean height of each bar that register and rising of its two bars ask for."""
        register, rising = self.asked(tokens, REGISTER), self.asked(tokens, RISING) - MOST_RISING
        return torch.stack([2 * register - rising, 2 * register + rising], 2).flatten(1)

    def half_onsets(self, tokens: Int[Tensor, "b tokens"]) -> Int[Tensor, "b halves"]:
        """Twice the onsets of each bar that density and later of its two bars ask for."""
        onsets, later = self.asked(tokens, DENSITY), self.asked(tokens, LATER) - MOST_LATER
        return torch.stack([2 * onsets - later, 2 * onsets + later], 2).flatten(1)

    def asked(self, tokens: Int[Tensor, "b tokens"], kind: int) -> Int[Tensor, "b phrases"]:
        """Tokens of one kind, one for each two bars."""
        return tokens[:, self.layout.places(kind)]

    def key_of(self, tokens: Int[Tensor, "b tokens"]) -> Int[Tensor, " b"]:
        """Key of each skeleton."""
        return tokens[:, self.layout.kinds.index(KEY)]


def repeats(bars: Int[Tensor, "b bars t"]) -> Int[Tensor, "b later_bars"]:
    """Of each bar after the first, j + 1 for the first bar j that it repeats; 0: it is new."""
    same = (bars[:, :, None] == bars[:, None]).all(-1)
    first = same.long().argmax(2)[:, 1:]  # each is at least the same as itself
    own = torch.arange(1, bars.shape[1], device=bars.device)
    return torch.where(first < own, first + 1, 0)


def repeating(
    choices: Bool[Tensor, "b p values"],
    otherwise: Bool[Tensor, "b p values"],
    known: Int[Tensor, "b all"],
    source: Int[Tensor, "b p"],
) -> Bool[Tensor, "b p values"]:
    """What may be: of the choices the value that is repeated, if it is one; else what else may.

    Args:
        known: values, of which those at `source` are repeated; -1: there is none.
    """
    wanted = known.gather(1, source.clamp(min=0))[..., None]
    again = choices & (torch.arange(choices.shape[-1], device=known.device) == wanted)
    asked = (source >= 0)[..., None] & again.any(-1, keepdim=True)
    return torch.where(asked, again, otherwise)


def carried(pitches: Int[Tensor, "b t"]) -> Int[Tensor, "b t"]:
    """Pitch of the latest onset at each step, of the first one before it; in silence, A4."""
    steps = torch.arange(pitches.shape[1], device=pitches.device)
    latest = torch.where(pitches > 0, steps, -1).cummax(1).values
    first = (pitches > 0).long().argmax(1, keepdim=True)
    sounding = pitches.gather(1, torch.where(latest < 0, first, latest))
    return torch.where(sounding > 0, sounding, MIDDLE)


def _powers(flags: Tensor) -> Tensor:
    return 2 ** torch.arange(flags.shape[-1], device=flags.device)
