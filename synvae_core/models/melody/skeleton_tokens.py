"""Causal transformer over the tokens of a skeleton (`skeleton`): the plan of a melody.

Vaswani et al. 2017, "Attention Is All You Need", arXiv 1706.03762. Logits are of all places at once
or, while a melody is being composed, of the next one alone.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from synvae_core.models.melody.language import Block, Cache, TransformerSizes
from synvae_core.models.melody.quantiles import IMPOSSIBLE
from synvae_core.models.melody.skeleton import (
    BEATS,
    EIGHTHS,
    HEIGHTS,
    KEY,
    KEYS,
    RHYTHM,
    SIZES,
    TOKEN_HEIGHTS,
    SkeletonReader,
)

TOKENS, MOST = len(SIZES), max(SIZES)
SPARE, CROWDED = -4, 35  # bounds of what a beat is asked to have, in quarters of an onset
STRETCH = 60  # bound of a wanted move, in half scale steps


class Frame(NamedTuple):
    """What is known of the heights once the rhythm is: onsets nearby, and where nothing moves."""

    around: Int[Tensor, "b eighths"]
    held: Bool[Tensor, "b eighths"]


class TokenTransformer(nn.Module):
    """Causal transformer over the tokens of a skeleton: logits of each, given those before it.

    Its inputs say what is still missing of what the tokens of the whole ask for, so that a melody
    which is to be high or busy becomes so.
    """

    possible: Bool[Tensor, "tokens values"]
    reachable: Bool[Tensor, "keys heights"]
    first_rows: Int[Tensor, " tokens"]
    head_of: Int[Tensor, " tokens"]

    def __init__(self, config: TransformerSizes, reader: SkeletonReader):
        super().__init__()
        self.config, self.reader = config, reader
        # Rows of the embeddings: tokens (rhythm and heights each share theirs), and conditions.
        kinds = [*range(RHYTHM.start), *[5] * BEATS, *[6] * EIGHTHS]
        sizes = [*SIZES[: RHYTHM.start], SIZES[RHYTHM.start], SIZES[HEIGHTS.start]]
        starts = torch.tensor([1, *sizes]).cumsum(0)  # row 0 says that there is nothing
        self.wanted_onsets = int(starts[-1])
        self.wanted_move = self.wanted_onsets + CROWDED - SPARE + 1
        self.onsets_around = self.wanted_move + 2 * STRETCH + 1
        self.degree = self.onsets_around + 64
        self.start = self.degree + 7 * KEYS
        channels = config.channels
        self.known = nn.EmbeddingBag(self.start + 1, channels, mode="sum", padding_idx=0)
        self.place = nn.Parameter(torch.zeros(TOKENS, channels))
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.blocks))
        self.norm = nn.LayerNorm(channels)
        self.heads = nn.Parameter(torch.zeros(len(sizes), MOST, channels))
        self.bias = nn.Parameter(torch.zeros(TOKENS, MOST))
        self.interval = nn.Linear(channels, 2 * MOST + 1)  # from the height before
        for weight, std in ((self.known.weight, 0.1), (self.place, 0.1), (self.heads, 0.05)):
            nn.init.normal_(weight, std=std)
        with torch.no_grad():
            self.known.weight[0] = 0
        possible = torch.arange(MOST) < torch.tensor(SIZES)[:, None]
        self.register_buffer("possible", possible, persistent=False)
        self.register_buffer("reachable", reader.notes_at.any(-1), persistent=False)
        self.register_buffer("first_rows", starts[torch.tensor(kinds)], persistent=False)
        self.register_buffer("head_of", torch.tensor(kinds), persistent=False)

    def forward(
        self, tokens: Int[Tensor, "b tokens"]
    ) -> tuple[Float[Tensor, "b tokens c"], Float[Tensor, "b tokens values"]]:
        """Hidden states and logits of all places."""
        frame = self.frame(tokens)
        whole, rhythm, heights = slice(0, RHYTHM.start), RHYTHM, HEIGHTS
        parts = [self.rows(tokens, part, frame) for part in (whole, rhythm, heights)]
        x = self.read(torch.cat([F.pad(part, (0, 4 - part.shape[2])) for part in parts], 1))
        x = x + self.place
        for block in self.blocks:
            x = block(x)
        logits = [self.logits(x[:, part], tokens, part, frame) for part in (whole, rhythm, heights)]
        return x, torch.cat(logits, 1)

    def step(
        self, tokens: Int[Tensor, "b tokens"], place: int, frame: Frame, cache: list[Cache]
    ) -> tuple[Float[Tensor, "b c"], Float[Tensor, "b values"]]:
        """Hidden state and logits of one place; of the tokens only those before it are read."""
        at = slice(place, place + 1)
        x = self.read(self.rows(tokens, at, frame)) + self.place[place]
        for block, known in zip(self.blocks, cache, strict=True):
            x = block(x, known, place)
        return x[:, 0], self.logits(x, tokens, at, frame)[:, 0]

    def cache(self, batch: int) -> list[Cache]:
        """Empty cache for a batch of skeletons."""
        like, config = self.place, self.config
        size = (batch, config.heads, TOKENS, config.channels // config.heads)
        return [Cache(like.new_empty(size), like.new_empty(size)) for _ in self.blocks]

    def read(self, rows: Int[Tensor, "b p rows"]) -> Float[Tensor, "b p c"]:
        """Sums of the embeddings of these rows."""
        return self.known(rows.flatten(0, 1)).unflatten(0, rows.shape[:2])

    def rows(
        self, tokens: Int[Tensor, "b tokens"], part: slice, frame: Frame
    ) -> Int[Tensor, "b p rows"]:
        """Rows of the embeddings that are read at some places, which are of one kind."""
        if part.start == 0:
            none = torch.full_like(tokens[:, :1], self.start)
            before = tokens[:, : part.stop - 1] + self.first_rows[: part.stop - 1]
            return torch.cat([none, before], 1)[..., None]
        last = slice(part.start - 1, part.stop - 1)
        before = tokens[:, last] + self.first_rows[last]
        if part.stop <= RHYTHM.start:
            return before[..., None]
        if part.stop <= RHYTHM.stop:
            at = slice(part.start - RHYTHM.start, part.stop - RHYTHM.start)
            return torch.stack([before, self.missing_onsets(tokens)[:, at]], -1)
        at = slice(part.start - HEIGHTS.start, part.stop - HEIGHTS.start)
        wanted, from_ = self.missing_height(tokens)
        wanted, from_ = wanted[:, at], from_[:, at]
        move = (2 * (wanted - from_)).round().clamp(-STRETCH, STRETCH).long() + STRETCH
        degree = tokens[:, KEY, None] * 7 + from_ % 7
        conditions = (
            move + self.wanted_move,
            frame.around[:, at] + self.onsets_around,
            degree + self.degree,
        )
        return torch.stack([before, *conditions], -1)

    def missing_onsets(self, tokens: Int[Tensor, "b tokens"]) -> Int[Tensor, "b beats"]:
        """Rows of the onsets that each beat has to have for its half to have as many as asked."""
        counts = self.reader.onsets.sum(1)[tokens[:, RHYTHM]].unflatten(1, (2, -1))
        left = self.reader.half_onsets(tokens)[..., None] - 2 * before_each(counts)
        beats = torch.arange(BEATS // 2, 0, -1, device=tokens.device)
        quarters = (2 * left / beats).round().clamp(SPARE, CROWDED).long() - SPARE
        return quarters.flatten(1) + self.wanted_onsets

    def missing_height(
        self, tokens: Int[Tensor, "b tokens"]
    ) -> tuple[Float[Tensor, "b eighths"], Int[Tensor, "b eighths"]]:
        """Mean height that is still wanted in a half, and the height to move from."""
        heights = tokens[:, HEIGHTS]
        halves = heights.unflatten(1, (2, -1))
        eighths = torch.arange(EIGHTHS // 2, 0, -1, device=tokens.device)
        whole = self.reader.half_heights(tokens)[..., None] * len(eighths)
        wanted = ((whole - before_each(halves)) / eighths).flatten(1)
        first = wanted[:, :1].long().clamp(0, TOKEN_HEIGHTS - 1)
        return wanted, torch.cat([first, heights[:, :-1]], 1)

    def frame(self, tokens: Int[Tensor, "b tokens"]) -> Frame:
        """Onsets around each eighth; a height is held unless a second onset comes on the way."""
        onsets = self.reader.onset_flags(tokens)
        pairs = onsets[:, ::2] + 2 * onsets[:, 1::2]
        around = 16 * pairs + 4 * F.pad(pairs[:, 1:], (0, 1)) + F.pad(pairs[:, :-1], (1, 0))
        struck = onsets[:, ::2] | F.pad(onsets[:, 1:-1:2], (1, 0))
        held = (struck == 0) | (onsets.cumsum(1)[:, ::2] < 2)
        held[:, 0] = False
        return Frame(around, held)

    def logits(
        self,
        x: Float[Tensor, "b p c"],
        tokens: Int[Tensor, "b tokens"],
        part: slice,
        frame: Frame,
    ) -> Float[Tensor, "b p values"]:
        """Logits of some places, which are of one kind; values that cannot be are masked."""
        x = self.norm(x)
        if part.stop <= RHYTHM.start:
            logits = torch.einsum("bpc,pvc->bpv", x, self.heads[self.head_of[part]])
        else:
            kind = 5 if part.stop <= RHYTHM.stop else 6
            logits = F.linear(x, self.heads[kind])
        logits = logits + self.bias[part]
        if part.start < HEIGHTS.start:
            return logits.masked_fill(~self.possible[part], IMPOSSIBLE)
        at = slice(part.start - HEIGHTS.start, part.stop - HEIGHTS.start)
        from_ = self.missing_height(tokens)[1][:, at, None]
        heights = torch.arange(MOST, device=x.device)
        logits = logits + self.interval(x).gather(-1, heights - from_ + MOST)
        allowed = self.reachable[tokens[:, KEY]][:, None]
        allowed = allowed & ((heights == from_) | ~frame.held[:, at, None])
        return logits.masked_fill(~allowed, IMPOSSIBLE)


def before_each(values: Int[Tensor, "b 2 n"]) -> Int[Tensor, "b 2 n"]:
    """Sum of those before each."""
    return values.cumsum(-1) - values
