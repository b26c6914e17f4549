"""Causal transformer over the tokens of a skeleton (`skeleton`): the plan of a melody.

Vaswani et al. 2017, "Attention Is All You Need", arXiv 1706.03762. Logits are of all places at once
or, while a melody is being composed, of the next one alone.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from synvae_core.models.melody.quantiles import IMPOSSIBLE
from synvae_core.models.melody.skeleton import SkeletonReader, repeating
from synvae_core.models.melody.skeleton_layout import (
    FORM,
    HEIGHT,
    KEYS,
    LAGS,
    RHYTHM,
    TOKEN_HEIGHTS,
)
from synvae_core.models.melody.transformer import Block, Cache, TransformerSizes
from synvae_core.music.coding import STEPS_PER_BAR, STEPS_PER_QUARTER

SPARE, CROWDED = -4, 35  # bounds of what a beat is asked to have, in quarters of an onset
DEGREES = 7  # of a scale
STRETCH = 60  # bound of a wanted move, in half scale steps
BEATS, EIGHTHS = STEPS_PER_BAR // STEPS_PER_QUARTER, STEPS_PER_BAR // 2  # of a bar


class Frame(NamedTuple):
    """What is known of the heights once the rhythm is: onsets nearby, and where nothing moves."""

    around: Int[Tensor, "b eighths"]
    held: Bool[Tensor, "b eighths"]
    begun: Bool[Tensor, "b eighths"]  # the bar has had an onset


class TokenTransformer(nn.Module):
    """Causal transformer over the tokens of a skeleton: logits of each, given those before it.

    Its inputs say what is still missing of what the tokens of the whole ask for, so that a melody
    which is to be high or busy becomes so; and, beyond two bars, what stands at the same place some
    bars before. A bar that repeats another has its rhythm and heights.
    """

    possible: Bool[Tensor, "tokens values"]
    reachable: Bool[Tensor, "keys heights"]
    first_rows: Int[Tensor, " tokens"]
    head_of: Int[Tensor, " tokens"]
    bar_of: Int[Tensor, " tokens"]
    before_by: Int[Tensor, "tokens lags"]
    tonic_height: Int[Tensor, " keys"]

    def __init__(self, config: TransformerSizes, reader: SkeletonReader):
        super().__init__()
        self.config, self.reader = config, reader
        self.layout = layout = reader.layout
        self.most = most = max(layout.sizes)
        # Rows of the embeddings: tokens of one kind share theirs; then the conditions.
        starts = torch.tensor([1, *layout.kind_sizes]).cumsum(0)  # row 0 says: there is nothing
        self.wanted_onsets = int(starts[-1])
        self.wanted_move = self.wanted_onsets + CROWDED - SPARE + 1
        self.onsets_around = self.wanted_move + 2 * STRETCH + 1
        self.degree = self.onsets_around + 64
        self.start = self.degree + 7 * KEYS
        channels = config.channels
        self.known = nn.EmbeddingBag(self.start + 1, channels, mode="sum", padding_idx=0)
        self.place = nn.Parameter(torch.zeros(len(layout.kinds), channels))
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.blocks))
        self.norm = nn.LayerNorm(channels)
        self.heads = nn.Parameter(torch.zeros(len(layout.kind_sizes), most, channels))
        self.bias = nn.Parameter(torch.zeros(len(layout.kinds), most))
        self.interval = nn.Linear(channels, 2 * most + 1)  # from the height before
        for weight, std in ((self.known.weight, 0.1), (self.place, 0.1), (self.heads, 0.05)):
            nn.init.normal_(weight, std=std)
        with torch.no_grad():
            self.known.weight[0] = 0
        if layout.phrases > 1:
            # Rows of the tokens some bars before, of that which is repeated, the form, the degree.
            rows = (len(LAGS) + 3) * self.wanted_onsets
            self.echo = nn.EmbeddingBag(rows, channels, mode="sum", padding_idx=0)
            nn.init.normal_(self.echo.weight, std=0.1)
            self.by_degree = nn.Linear(channels, DEGREES)  # alike in all keys
        kinds = torch.tensor(layout.kinds)
        tables = {
            "possible": torch.arange(most) < torch.tensor(layout.sizes)[:, None],
            "reachable": reader.notes_at.any(-1),
            "first_rows": starts[kinds],
            "head_of": kinds,
            "bar_of": layout.bar_of(),
            "before_by": layout.before_by(),
            "tonic_height": reader.height_of[torch.arange(KEYS), reader.tonic + 48] % DEGREES,
        }
        for name, table in tables.items():
            self.register_buffer(name, table, persistent=False)

    def forward(
        self, tokens: Int[Tensor, "b tokens"]
    ) -> tuple[Float[Tensor, "b tokens c"], Float[Tensor, "b tokens values"]]:
        """Hidden states and logits of all places."""
        frame, parts = self.frame(tokens), self.layout.parts
        rows = [self.rows(tokens, part, frame) for part in parts]
        x = read(self.known, torch.cat([F.pad(part, (0, 4 - part.shape[2])) for part in rows], 1))
        x = x + self.place
        if self.layout.phrases > 1:
            x = x + read(self.echo, self.echoes(tokens, slice(0, tokens.shape[1])))
        for block in self.blocks:
            x = block(x)
        logits = [self.logits(x[:, part], tokens, part, frame) for part in parts]
        return x, torch.cat(logits, 1)

    def step(
        self, tokens: Int[Tensor, "b tokens"], place: int, frame: Frame, cache: list[Cache]
    ) -> tuple[Float[Tensor, "b c"], Float[Tensor, "b values"]]:
        """Hidden state and logits of one place; of the tokens only those before it are read."""
        at = slice(place, place + 1)
        x = read(self.known, self.rows(tokens, at, frame)) + self.place[place]
        if self.layout.phrases > 1:
            x = x + read(self.echo, self.echoes(tokens, at))
        for block, known in zip(self.blocks, cache, strict=True):
            x = block(x, known, place)
        return x[:, 0], self.logits(x, tokens, at, frame)[:, 0]

    def cache(self, batch: int) -> list[Cache]:
        """Empty cache for a batch of skeletons."""
        like, config = self.place, self.config
        size = (batch, config.heads, len(like), config.channels // config.heads)
        return [Cache(like.new_empty(size), like.new_empty(size)) for _ in self.blocks]

    def rows(
        self, tokens: Int[Tensor, "b tokens"], part: slice, frame: Frame
    ) -> Int[Tensor, "b p rows"]:
        """Rows of the embeddings that are read at some places, which are of one kind."""
        layout, kind = self.layout, self.kind(part)
        last = slice(max(part.start - 1, 0), part.stop - 1)
        before = tokens[:, last] + self.first_rows[last]
        if part.start == 0:
            before = F.pad(before, (1, 0), value=self.start)
        if kind not in (RHYTHM, HEIGHT):
            return before[..., None]
        if kind == RHYTHM:
            at = slice(part.start - layout.rhythm.start, part.stop - layout.rhythm.start)
            return torch.stack([before, self.missing_onsets(tokens)[:, at]], -1)
        at = slice(part.start - layout.heights.start, part.stop - layout.heights.start)
        wanted, from_ = self.missing_height(tokens)
        wanted, from_ = wanted[:, at], from_[:, at]
        move = (2 * (wanted - from_)).round().clamp(-STRETCH, STRETCH).long() + STRETCH
        degree = self.reader.key_of(tokens)[:, None] * 7 + from_ % 7
        conditions = (
            move + self.wanted_move,
            frame.around[:, at] + self.onsets_around,
            degree + self.degree,
        )
        return torch.stack([before, *conditions], -1)

    def kind(self, part: slice) -> int:
        """Kind of the tokens of some places, which are of one; of wholes, that of the first."""
        return self.layout.kinds[part.start]

    def echoes(self, tokens: Int[Tensor, "b tokens"], part: slice) -> Int[Tensor, "b p rows"]:
        """Rows of the tokens some bars before, of the bar that is repeated, form, and degree."""
        back = self.before_by[part]
        source, form = self.source(tokens, part)
        places = torch.cat([back.expand(len(tokens), -1, -1), source[..., None]], -1)
        found = places.clamp(min=0)
        rows = tokens.gather(1, found.flatten(1)).view(found.shape) + self.first_rows[found]
        # In tables of their own, the first rows stand for the form and the degree to move from.
        degree = torch.zeros_like(form)
        inside = slice(max(part.start, self.layout.heights.start + 1), part.stop)
        if inside.stop > inside.start:
            before = tokens[:, inside.start - 1 : inside.stop - 1]
            degree[:, inside.start - part.start :] = self.degree_of(tokens, before) + 1
        own = torch.stack([form + 1, degree], -1)
        rows = torch.cat([torch.where(places < 0, 0, rows), own], -1)
        offsets = torch.arange(rows.shape[-1], device=rows.device) * self.wanted_onsets
        return torch.where(rows > 0, rows + offsets, 0)

    def degree_of(
        self, tokens: Int[Tensor, "b tokens"], heights: Int[Tensor, "b p"]
    ) -> Int[Tensor, "b p"]:
        """Degree of heights in the key, 0..6, of which 0 is the tonic of the major key."""
        return (heights - self.tonic_height[self.reader.key_of(tokens)][:, None]) % DEGREES

    def source(
        self, tokens: Int[Tensor, "b tokens"], part: slice
    ) -> tuple[Int[Tensor, "b p"], Int[Tensor, "b p"]]:
        """Place that each repeats, -1 where the bar is new; and the token of its bar's form."""
        layout, bars = self.layout, self.bar_of[part]
        form = F.pad(tokens[:, layout.form], (1, 0))[:, bars.clamp(min=0)]
        form = torch.where(bars < 0, 0, form)
        in_bar = torch.where(self.head_of[part] == RHYTHM, BEATS, EIGHTHS)
        places = torch.arange(part.start, part.stop, device=tokens.device)
        source = places - (bars + 1 - form) * in_bar
        return torch.where(form > 0, source, -1), form

    def missing_onsets(self, tokens: Int[Tensor, "b tokens"]) -> Int[Tensor, "b beats"]:
        """Rows of the onsets that each beat has to have for its bar to have as many as asked."""
        rhythm = tokens[:, self.layout.rhythm]
        counts = self.reader.onsets.sum(1)[rhythm].unflatten(1, (-1, BEATS))
        left = self.reader.half_onsets(tokens)[..., None] - 2 * before_each(counts)
        beats = torch.arange(BEATS, 0, -1, device=tokens.device)
        quarters = (2 * left / beats).round().clamp(SPARE, CROWDED).long() - SPARE
        return quarters.flatten(1) + self.wanted_onsets

    def missing_height(
        self, tokens: Int[Tensor, "b tokens"]
    ) -> tuple[Float[Tensor, "b eighths"], Int[Tensor, "b eighths"]]:
        """Mean height that is still wanted in a bar, and the height to move from."""
        heights = tokens[:, self.layout.heights]
        bars = heights.unflatten(1, (-1, EIGHTHS))
        eighths = torch.arange(EIGHTHS, 0, -1, device=tokens.device)
        whole = self.reader.half_heights(tokens)[..., None] * EIGHTHS
        wanted = ((whole - before_each(bars)) / eighths).flatten(1)
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
        begun = onsets.unflatten(1, (-1, STEPS_PER_BAR)).cumsum(2).flatten(1)[:, ::2] > 0
        return Frame(around, held, begun)

    def logits(
        self,
        x: Float[Tensor, "b p c"],
        tokens: Int[Tensor, "b tokens"],
        part: slice,
        frame: Frame,
    ) -> Float[Tensor, "b p values"]:
        """Logits of some places, which are of one kind; values that cannot be are masked."""
        x, kind = self.norm(x), self.kind(part)
        if kind in (RHYTHM, HEIGHT):
            logits = F.linear(x, self.heads[kind])
        else:
            logits = torch.einsum("bpc,pvc->bpv", x, self.heads[self.head_of[part]])
        logits = logits + self.bias[part]
        if kind == HEIGHT:
            return self.height_logits(logits, x, tokens, part, frame)
        allowed = self.possible[part].expand(logits.shape)
        if kind == FORM:
            allowed = allowed & self.new_bars(tokens, part)
        if kind == RHYTHM and self.layout.phrases > 1:
            allowed = repeating(allowed, allowed, tokens, self.source(tokens, part)[0])
        return logits.masked_fill(~allowed, IMPOSSIBLE)

    def height_logits(
        self,
        logits: Float[Tensor, "b p values"],
        x: Float[Tensor, "b p c"],
        tokens: Int[Tensor, "b tokens"],
        part: slice,
        frame: Frame,
    ) -> Float[Tensor, "b p values"]:
        """Logits of some heights: held where nothing is struck, and those of what is repeated."""
        start = self.layout.heights.start
        at = slice(part.start - start, part.stop - start)
        from_ = self.missing_height(tokens)[1][:, at, None]
        heights = torch.arange(self.most, device=x.device)
        logits = logits + self.interval(x).gather(-1, heights - from_ + self.most)
        allowed = self.reachable[self.reader.key_of(tokens)][:, None]
        allowed = allowed & ((heights == from_) | ~frame.held[:, at, None])
        if self.layout.phrases > 1:
            degrees = self.degree_of(tokens, heights.expand(len(tokens), -1))
            by_degree = self.by_degree(x)
            logits = logits + by_degree.gather(-1, degrees[:, None].expand_as(logits))
            again = repeating(allowed, allowed, tokens, self.source(tokens, part)[0])
            allowed = torch.where(frame.begun[:, at, None], again, allowed)
        return logits.masked_fill(~allowed, IMPOSSIBLE)

    def new_bars(self, tokens: Int[Tensor, "b tokens"], part: slice) -> Bool[Tensor, "b p values"]:
        """Values of the form that can be: a bar is new, or repeats an earlier one that was new."""
        new = F.pad(tokens[:, self.layout.form] == 0, (1, 0), value=True)  # the first bar is
        values = torch.arange(self.most, device=tokens.device)
        bars = torch.arange(part.start + 1, part.stop + 1, device=tokens.device)
        repeated = (values - 1).clamp(0, new.shape[1] - 1)
        earlier = (values >= 1) & (values <= bars[:, None])
        return (values == 0) | (earlier & new[:, repeated][:, None])


def read(table: nn.EmbeddingBag, rows: Int[Tensor, "b p rows"]) -> Float[Tensor, "b p c"]:
    """Sums of the embeddings of these rows."""
    return table(rows.flatten(0, 1)).unflatten(0, rows.shape[:2])


def before_each(values: Int[Tensor, "b bars n"]) -> Int[Tensor, "b bars n"]:
    """Sum of those before each."""
    return values.cumsum(-1) - values
