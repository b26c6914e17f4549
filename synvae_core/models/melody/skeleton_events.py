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
from synvae_core.models.melody.skeleton import SkeletonReader, repeating
from synvae_core.models.melody.skeleton_layout import LAGS
from synvae_core.music.coding import STEPS_PER_BAR, STEPS_PER_QUARTER

FURTHEST = 30  # semitones; larger intervals are as good as this one
AROUND = (-1, 0, 1, 2)  # eighths whose heights a step looks at


class Score(NamedTuple):
    """What a skeleton says of each step: the sum of its embeddings, and what may be played."""

    told: Float[Tensor, "b t c"]
    allowed: Bool[Tensor, "b t events"]
    aim: Int[Tensor, "b t"]  # MIDI pitch to come
    near: Int[Tensor, "b t offsets"]  # MIDI pitches around
    tonic: Int[Tensor, " b"]
    source: Int[Tensor, "b t"]  # step that is repeated; -1: none
    alike: Bool[Tensor, "b t lags"]  # planned as some bars before
    start: int = 0  # the first of these steps

    def at(self, step: int) -> "Score":
        """Score of one step."""
        now = slice(step, step + 1)
        told, allowed, aim, near = (values[:, now] for values in self[:4])
        source, alike = self.source[:, now], self.alike[:, now]
        return Score(told, allowed, aim, near, self.tonic, source, alike, step)


class EventPerceptron(nn.Module):
    """Perceptron over the events: logits of each, given the skeleton and what sounds.

    Onsets are where the rhythm has them. What is struck and then sounds on an eighth has the height
    of that eighth, itself or raised. Beyond two bars it reads the events some bars before, and
    whether they were planned alike; a bar that repeats another has its events.
    """

    starts: Int[Tensor, " events"]
    sensible: Bool[Tensor, "states events"]

    def __init__(self, channels: int, hidden: int, dropout: float, reader: SkeletonReader):
        super().__init__()
        self.reader, self.coding, self.layout = reader, reader.coding, reader.layout
        size, steps = self.coding.size, self.layout.steps
        self.whole, self.nearby = nn.Linear(channels, hidden), nn.Linear(channels, hidden)
        self.place = nn.Parameter(torch.zeros(steps, hidden))
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
        self.bias = nn.Parameter(torch.zeros(steps, size))
        for weight in (self.place, self.beat.weight, self.heard.weight):
            nn.init.normal_(weight, std=0.1)
        if self.layout.phrases > 1:
            rows = 2 * len(LAGS) * size + 1
            self.echo = nn.EmbeddingBag(rows, hidden, mode="sum", padding_idx=0)
            nn.init.normal_(self.echo.weight, std=0.1)
        starts = self.coding.starts(torch.arange(size))
        self.register_buffer("starts", starts, persistent=False)
        self.register_buffer("sensible", torch.from_numpy(self.coding.allowed), persistent=False)

    def score(self, tokens: Int[Tensor, "b tokens"], x: Float[Tensor, "b tokens c"]) -> Score:
        """What a skeleton and its hidden states say of all steps."""
        reader, layout, key = self.reader, self.layout, self.reader.key_of(tokens)
        onsets, heights = reader.onset_flags(tokens), tokens[:, layout.heights]
        steps = torch.arange(layout.steps, device=tokens.device)
        eighth, last = steps // 2, layout.eighths - 1
        ahead = ((steps + 1) // 2).clamp(max=last)  # where a note struck here will sound
        first = (onsets > 0) & (onsets.cumsum(1) == 1)
        follows = F.pad(onsets[:, 1:], (0, 1), value=1)  # and whether another one comes before
        bound = (steps % 2 == 0) | (follows == 0) | first
        aims = torch.where(first, heights[:, :1], heights[:, ahead])
        notes = torch.where(bound[..., None], reader.notes_at[key[:, None], aims], self.starts > 0)
        allowed = torch.where(onsets[..., None] > 0, notes, self.starts == 0)
        pitches = reader.pitch_of[key[:, None], heights]
        around = torch.tensor(AROUND, device=tokens.device)
        nearby = self.nearby(x[:, layout.heights])[:, ahead]
        told = self.whole(x[:, -1])[:, None] + nearby + self.place
        return Score(
            told + self.beats(tokens),
            allowed,
            reader.pitch_of[key[:, None], aims],
            pitches[:, (eighth[:, None] + around).clamp(0, last)],
            reader.tonic[key],
            self.source(tokens),
            self.alike(onsets, heights[:, eighth]),
        )

    def source(self, tokens: Int[Tensor, "b tokens"]) -> Int[Tensor, "b t"]:
        """Step that each repeats, by the form; -1 in bars that are new."""
        form = F.pad(tokens[:, self.layout.form], (1, 0)).repeat_interleave(STEPS_PER_BAR, 1)
        steps = torch.arange(self.layout.steps, device=tokens.device)
        bars = steps // STEPS_PER_BAR
        if self.layout.phrases == 1:
            return torch.full_like(steps, -1).expand(len(tokens), -1)
        return torch.where(form > 0, steps - (bars + 1 - form) * STEPS_PER_BAR, -1)

    def alike(
        self, onsets: Int[Tensor, "b t"], heights: Int[Tensor, "b t"]
    ) -> Bool[Tensor, "b t lags"]:
        """Steps that have the onset and the height of those `LAGS` bars before."""
        same = [
            F.pad((each[:, lag:] == each[:, :-lag]), (lag, 0))[:, : onsets.shape[1]]
            for lag in (STEPS_PER_BAR * bars for bars in LAGS)
            for each in (onsets, heights)
        ]
        return torch.stack(same[::2], -1) & torch.stack(same[1::2], -1)

    def beats(self, tokens: Int[Tensor, "b tokens"]) -> Float[Tensor, "b t c"]:
        """Embeddings of the rhythm of the beat, of the next one and of the one before."""
        masks = tokens[:, self.layout.rhythm]
        no_beat = self.beat_rows[1] - 1
        steps = torch.arange(STEPS_PER_QUARTER, device=tokens.device)
        of_beat = masks[..., None] * STEPS_PER_QUARTER + steps
        after = F.pad(masks[:, 1:], (0, 1), value=no_beat) + self.beat_rows[0]
        before = F.pad(masks[:, :-1], (1, 0), value=no_beat) + sum(self.beat_rows[:2])
        others = torch.stack([after, before], -1)[:, :, None].expand(-1, -1, len(steps), -1)
        rows = torch.cat([of_beat[..., None], others], -1)
        return self.beat(rows.flatten(0, 2)).unflatten(0, (len(tokens), -1))

    def forward(
        self,
        events: Int[Tensor, "b all"],
        before: Int[Tensor, "b t"],
        sounding: Int[Tensor, "b t"],
        score: Score,
    ) -> Float[Tensor, "b t events"]:
        """Logits of the steps of a score from the events before them and their voice's states.

        Args:
            events: of the melody, of which those some bars before are read.
            before: the event before each step.
        """
        pitch = self.coding.pitch(sounding)
        last = torch.where(pitch > 0, pitch, score.aim)
        aim, from_ = ((tone - score.tonic[:, None]) % 12 for tone in (score.aim, last))
        intervals = bounded(score.near - last[..., None])
        offsets = torch.arange(len(AROUND), device=pitch.device) * (2 * FURTHEST + 1)
        own = torch.stack([before - NONE, self.class_row + aim + 12 * from_], -1)
        rows = torch.cat([own, intervals + offsets + self.interval_row], -1)
        x = score.told + self.heard(rows.flatten(0, 1)).view(score.told.shape)
        if self.layout.phrases > 1:
            x = x + self.echo(self.echoes(events, score).flatten(0, 1)).view(x.shape)
        x = self.dropout(x)
        x = self.output(self.norm(x + self.perceptron(x)))
        size, steps = self.coding.size, slice(score.start, score.start + x.shape[1])
        logits, by_interval = x[..., :size] + self.bias[steps], x[..., size:]
        notes = by_interval.gather(-1, bounded(self.starts - score.aim[..., None]))
        sensible = self.sensible[sounding]
        allowed = score.allowed & sensible
        if self.layout.phrases > 1:
            allowed = repeating(sensible, allowed, events, score.source)
        return torch.where(allowed, logits + notes, IMPOSSIBLE)

    def echoes(self, events: Int[Tensor, "b all"], score: Score) -> Int[Tensor, "b t rows"]:
        """Rows of the events `LAGS` bars before, by whether they were planned alike."""
        steps = torch.arange(score.start, score.start + score.told.shape[1], device=events.device)
        lags = torch.arange(len(LAGS), device=events.device)
        places = steps[:, None] - STEPS_PER_BAR * torch.tensor(LAGS, device=events.device)
        rows = events[:, places.clamp(min=0)] + self.coding.size * (2 * lags + score.alike) + 1
        return torch.where(places < 0, 0, rows)


def bounded(semitones: Int[Tensor, "*b"]) -> Int[Tensor, "*b"]:
    """Interval as the place of its row, from 0."""
    return semitones.clamp(-FURTHEST, FURTHEST) + FURTHEST
