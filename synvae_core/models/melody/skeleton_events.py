"""Perceptron over the events of a melody, given its skeleton (`skeleton`): the notes of a plan.

Logits are of all steps at once or, while a melody is being composed, of the next one alone.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from synvae_core.models.melody.language import NONE
from synvae_core.models.melody.quantiles import IMPOSSIBLE
from synvae_core.models.melody.skeleton import EIGHTHS, HEIGHTS, KEY, RHYTHM, STEPS, SkeletonReader
from synvae_core.music.coding import STEPS_PER_QUARTER

FURTHEST = 30  # semitones; larger intervals are as good as this one
AROUND = (-1, 0, 1, 2)  # eighths whose heights a step looks at


class Score(NamedTuple):
    """What a skeleton says of each step: the sum of its embeddings, and what may be played."""

    told: Float[Tensor, "b t c"]
    allowed: Bool[Tensor, "b t events"]
    aim: Int[Tensor, "b t"]  # MIDI pitch to come
    near: Int[Tensor, "b t offsets"]  # MIDI pitches around
    tonic: Int[Tensor, " b"]

    def at(self, steps: slice) -> "Score":
        """Score of some steps."""
        told, allowed, aim, near = (values[:, steps] for values in self[:4])
        return Score(told, allowed, aim, near, self.tonic)


class EventPerceptron(nn.Module):
    """Perceptron over the events: logits of each, given the skeleton and what sounds.

    Onsets are where the rhythm has them. What is struck and then sounds on an eighth has the height
    of that eighth, itself or raised.
    """

    starts: Int[Tensor, " events"]
    senseless: Bool[Tensor, "states events"]

    def __init__(self, channels: int, hidden: int, dropout: float, reader: SkeletonReader):
        super().__init__()
        self.reader, self.coding = reader, reader.coding
        size = self.coding.size
        self.whole, self.nearby = nn.Linear(channels, hidden), nn.Linear(channels, hidden)
        self.place = nn.Parameter(torch.zeros(STEPS, hidden))
        masks = 2**STEPS_PER_QUARTER
        self.beat_rows = (masks * STEPS_PER_QUARTER, masks + 1, masks + 1)
        self.beat = nn.EmbeddingBag(sum(self.beat_rows), hidden, mode="sum")
        self.class_row = size + 1  # the first rows are of the event before
        self.interval_row = self.class_row + 144
        rows = self.interval_row + len(AROUND) * (2 * FURTHEST + 1)
        self.heard = nn.EmbeddingBag(rows, hidden, mode="sum")
        self.dropout = nn.Dropout(dropout)
        self.perceptron = nn.Sequential(
            nn.LayerNorm(hidden), nn.Linear(hidden, 2 * hidden), nn.ReLU(),
            nn.Linear(2 * hidden, hidden),
        )  # fmt: skip
        self.norm = nn.LayerNorm(hidden)
        self.output = nn.Linear(hidden, size + 2 * FURTHEST + 1)
        self.bias = nn.Parameter(torch.zeros(STEPS, size))
        for weight in (self.place, self.beat.weight, self.heard.weight):
            nn.init.normal_(weight, std=0.1)
        starts = self.coding.starts(torch.arange(size))
        self.register_buffer("starts", starts, persistent=False)
        self.register_buffer("senseless", torch.from_numpy(~self.coding.allowed), persistent=False)

    def score(self, tokens: Int[Tensor, "b tokens"], x: Float[Tensor, "b tokens c"]) -> Score:
        """What a skeleton and its hidden states say of all steps."""
        reader, key = self.reader, tokens[:, KEY]
        onsets, heights = reader.onset_flags(tokens), tokens[:, HEIGHTS]
        steps = torch.arange(STEPS, device=tokens.device)
        eighth = steps // 2
        ahead = ((steps + 1) // 2).clamp(max=EIGHTHS - 1)  # where a note struck here will sound
        first = (onsets > 0) & (onsets.cumsum(1) == 1)
        follows = F.pad(onsets[:, 1:], (0, 1), value=1)  # and whether another one comes before
        bound = (steps % 2 == 0) | (follows == 0) | first
        aims = torch.where(first, heights[:, :1], heights[:, ahead])
        notes = torch.where(bound[..., None], reader.notes_at[key[:, None], aims], self.starts > 0)
        allowed = torch.where(onsets[..., None] > 0, notes, self.starts == 0)
        pitches = reader.pitch_of[key[:, None], heights]
        around = torch.tensor(AROUND, device=tokens.device)
        told = self.whole(x[:, -1])[:, None] + self.nearby(x[:, HEIGHTS])[:, ahead] + self.place
        return Score(
            told + self.beats(tokens),
            allowed,
            reader.pitch_of[key[:, None], aims],
            pitches[:, (eighth[:, None] + around).clamp(0, EIGHTHS - 1)],
            reader.tonic[key],
        )

    def beats(self, tokens: Int[Tensor, "b tokens"]) -> Float[Tensor, "b t c"]:
        """Embeddings of the rhythm of the beat, of the next one and of the one before."""
        masks = tokens[:, RHYTHM]
        no_beat = self.beat_rows[1] - 1
        steps = torch.arange(STEPS_PER_QUARTER, device=tokens.device)
        of_beat = masks[..., None] * STEPS_PER_QUARTER + steps
        after = F.pad(masks[:, 1:], (0, 1), value=no_beat) + self.beat_rows[0]
        before = F.pad(masks[:, :-1], (1, 0), value=no_beat) + sum(self.beat_rows[:2])
        others = torch.stack([after, before], -1)[:, :, None].expand(-1, -1, len(steps), -1)
        rows = torch.cat([of_beat[..., None], others], -1)
        return self.beat(rows.flatten(0, 2)).unflatten(0, (len(tokens), STEPS))

    def forward(
        self,
        before: Int[Tensor, "b t"],
        sounding: Int[Tensor, "b t"],
        score: Score,
        bias: Float[Tensor, "t events"],
    ) -> Float[Tensor, "b t events"]:
        """Logits of some steps from the events before them and the states of their voice."""
        pitch = self.coding.pitch(sounding)
        last = torch.where(pitch > 0, pitch, score.aim)
        aim, from_ = ((tone - score.tonic[:, None]) % 12 for tone in (score.aim, last))
        intervals = bounded(score.near - last[..., None])
        offsets = torch.arange(len(AROUND), device=pitch.device) * (2 * FURTHEST + 1)
        own = torch.stack([before - NONE, self.class_row + aim + 12 * from_], -1)
        rows = torch.cat([own, intervals + offsets + self.interval_row], -1)
        x = self.dropout(score.told + self.heard(rows.flatten(0, 1)).view(score.told.shape))
        x = self.output(self.norm(x + self.perceptron(x)))
        size = self.coding.size
        logits, by_interval = x[..., :size] + bias, x[..., size:]
        notes = by_interval.gather(-1, bounded(self.starts - score.aim[..., None]))
        allowed = score.allowed & ~self.senseless[sounding]
        return (logits + notes).masked_fill(~allowed, IMPOSSIBLE)


def bounded(semitones: Int[Tensor, "*b"]) -> Int[Tensor, "*b"]:
    """Interval as the place of its row, from 0."""
    return semitones.clamp(-FURTHEST, FURTHEST) + FURTHEST
