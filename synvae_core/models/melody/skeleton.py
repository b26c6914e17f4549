"""Skeletons of two-bar melodies: what they are like as a whole, their onsets, and their contour.

A skeleton is computed from the notes. Its 29 tokens go from coarse to fine:

- five of the whole: register (mean height, in bins of two scale steps), key signature along the
  circle of fifths (from five flats to six sharps), density (onsets, in bins of two), rising (mean
  height of the second half less that of the first, in bins of two steps), later (onsets of the
  second half less those of the first);
- eight of rhythm: the onsets of each beat, a set of four sixteenths, ordered by how many there are
  and, of as many, how early they are;
- sixteen heights: the pitch of each eighth in scale steps of that key, carried through rests. A
  raised step has the height of the step itself.

Larger tokens are more of what `NAMES` says. The key is that whose scale holds most of the onsets,
weighed by a profile of its tonic triad, as in the key finding of Krumhansl 1990, "Cognitive
Foundations of Musical Pitch".
"""

import itertools

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Int
from torch import Tensor, nn

from synvae_core.music.coding import STEPS_PER_BAR, STEPS_PER_QUARTER, Coding

STEPS = 2 * STEPS_PER_BAR
BEATS = STEPS // STEPS_PER_QUARTER
EIGHTHS = STEPS // 2
KEYS = 12
C_MAJOR = 5  # place of the key without sharps and flats
TOKEN_HEIGHTS = 52  # of the white keys of a piano, and of as many steps of any other key
LOWEST_HEIGHT = 12  # scale steps from MIDI pitch 0 to the lowest height, A0 in C major
MOST_RISING, MOST_LATER = 10, 8  # where the two differences are cut off

REGISTER, KEY, DENSITY, RISING, LATER = range(5)
RHYTHM = slice(5, 5 + BEATS)
HEIGHTS = slice(RHYTHM.stop, RHYTHM.stop + EIGHTHS)
SIZES = (
    *(27, KEYS, STEPS // 2 + 1, 2 * MOST_RISING + 1, 2 * MOST_LATER + 1),
    *[2**STEPS_PER_QUARTER] * BEATS,
    *[TOKEN_HEIGHTS] * EIGHTHS,
)
# What larger tokens are more of: names for sliders.
NAMES = (
    *("higher", "sharper key", "busier", "rising", "later"),
    *(f"more in beat {beat + 1}" for beat in range(BEATS)),
    *(f"higher at eighth {eighth + 1}" for eighth in range(EIGHTHS)),
)
MAJOR = (0, 2, 4, 5, 7, 9, 11)
TRIAD = {0: 10, 4: 3, 7: 6}  # extra weight of a key's triad
IN_SCALE = 40  # weight of a note in the scale; integers, so that any device finds the same key
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

    def __init__(self, coding: Coding):
        super().__init__()
        self.coding = coding
        masks = sorted(
            itertools.product((0, 1), repeat=STEPS_PER_QUARTER),
            key=lambda mask: (sum(mask), [-onset for onset in mask]),
        )
        onsets = torch.tensor(masks)
        numbers = (onsets * _powers(onsets)).sum(1)
        tonic = 7 * (torch.arange(KEYS) - C_MAJOR) % 12
        degree = (torch.arange(12)[:, None] - tonic) % 12  # of a pitch class in a key
        in_scale = torch.isin(degree, torch.tensor(MAJOR))
        triad = sum(weight * (degree == step) for step, weight in TRIAD.items())
        steps = in_scale[torch.arange(160) % 12].T.cumsum(1) - 1 - LOWEST_HEIGHT
        height_of = steps[:, :128].clamp(0, TOKEN_HEIGHTS - 1)
        heights = torch.arange(TOKEN_HEIGHTS)
        starts = coding.starts(torch.arange(coding.size))
        notes_at = (height_of[:, None, starts] == heights[:, None]) & (starts > 0)
        tables = {
            "onsets": onsets,
            "ranks": numbers.argsort(),
            "tonic": tonic,
            "key_weights": IN_SCALE * in_scale + triad,
            "height_of": height_of,
            "pitch_of": torch.searchsorted(steps, heights.expand(KEYS, -1).contiguous()),
            "notes_at": notes_at,
        }
        for name, table in tables.items():
            self.register_buffer(name, table, persistent=False)

    def forward(self, events: Int[Tensor, "b t"]) -> Int[Tensor, "b tokens"]:
        """Tokens of melodies of two bars."""
        pitches = self.coding.starts(events)
        onsets = (pitches > 0).long()
        key = self.key(pitches)
        heights = self.height_of[key[:, None], carried(pitches)[:, ::2]]
        beats = onsets.unflatten(1, (BEATS, STEPS_PER_QUARTER))
        first, second = heights.unflatten(1, (2, -1)).sum(2).unbind(1)
        before, after = onsets.unflatten(1, (2, -1)).sum(2).unbind(1)
        whole = [
            ((first + second) / (2 * EIGHTHS)).round().long(),
            key,
            ((before + after) / 2).round().long(),
            ((second - first) / EIGHTHS).round().long().clamp(-MOST_RISING, MOST_RISING)
            + MOST_RISING,
            (after - before).clamp(-MOST_LATER, MOST_LATER) + MOST_LATER,
        ]
        rhythm = self.ranks[(beats * _powers(beats)).sum(-1)]
        return torch.cat([torch.stack(whole, 1), rhythm, heights], 1)

    def key(self, pitches: Int[Tensor, "b t"]) -> Int[Tensor, " b"]:
        """Key of the onsets; of several that fit as well, the one with the most flats."""
        classes = F.one_hot(pitches % 12, 12) * (pitches > 0)[..., None]
        fit = classes.sum(1).float() @ self.key_weights.float()  # integers: exact
        return (fit * KEYS - torch.arange(KEYS, device=fit.device)).argmax(1)

    def onset_flags(self, tokens: Int[Tensor, "b tokens"]) -> Int[Tensor, "b t"]:
        """1 at every step that has an onset, by the tokens of rhythm."""
        return self.onsets[tokens[:, RHYTHM]].flatten(1)

    def half_heights(self, tokens: Int[Tensor, "b tokens"]) -> Int[Tensor, "b 2"]:
        """Mean height of each half that register and rising ask for."""
        register, rising = 2 * tokens[:, REGISTER], tokens[:, RISING] - MOST_RISING
        return torch.stack([register - rising, register + rising], 1)

    def half_onsets(self, tokens: Int[Tensor, "b tokens"]) -> Int[Tensor, "b 2"]:
        """Twice the onsets of each half that density and later ask for."""
        onsets, later = 2 * tokens[:, DENSITY], tokens[:, LATER] - MOST_LATER
        return torch.stack([onsets - later, onsets + later], 1)


def carried(pitches: Int[Tensor, "b t"]) -> Int[Tensor, "b t"]:
    """Pitch of the latest onset at each step, of the first one before it; in silence, A4."""
    steps = torch.arange(pitches.shape[1], device=pitches.device)
    latest = torch.where(pitches > 0, steps, -1).cummax(1).values
    first = (pitches > 0).long().argmax(1, keepdim=True)
    sounding = pitches.gather(1, torch.where(latest < 0, first, latest))
    return torch.where(sounding > 0, sounding, MIDDLE)


def _powers(flags: Tensor) -> Tensor:
    return 2 ** torch.arange(flags.shape[-1], device=flags.device)
