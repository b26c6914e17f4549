"""Causal transformer over the tokens of a skeleton (`skeleton`): the plan of a melody.

Vaswani et al. 2017, "Attention Is All You Need", arXiv 1706.03762. Logits are of all places at once
or, while a melody is being composed, of the next one alone.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int, Shaped
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
from synvae_core.models.melody.transformer import Blocks, Cache, TransformerSizes
from synvae_core.music.coding import STEPS_PER_BAR, STEPS_PER_QUARTER

SPARE, CROWDED = -4, 35  # bounds of what a beat is asked to have, in quarters of an onset
DEGREES = 7  # of a scale
STRETCH = 60  # bound of a wanted move, in half scale steps
BEATS, EIGHTHS = STEPS_PER_BAR // STEPS_PER_QUARTER, STEPS_PER_BAR // 2  # of a bar


class Frame(NamedTuple):
    """What the whole asks of each bar and, once the rhythm is known, what it lets the heights be.

    Computed anew where the tokens of a kind begin, since what comes before decides it for all.
    """

    onsets_asked: Int[Tensor, "b bars"]  # twice as many
    height_asked: Int[Tensor, "b bars"]  # summed over its eighths
    degree_rows: Int[Tensor, "b 1"]  # first row of the degrees of the key
    degrees: Int[Tensor, "b values"]  # of all heights in the key, 0 the tonic of the major key
    reachable: Bool[Tensor, "b 1 values"]  # heights that the key has
    around_rows: Int[Tensor, "b eighths"]  # of the onsets nearby
    moves: Bool[Tensor, "b eighths 1"]  # the height need not be the one before
    begun: Bool[Tensor, "b eighths 1"]  # the bar has had an onset


class Places(NamedTuple):
    """Some places of one kind, and what is known there."""

    tokens: Int[Tensor, "b tokens"]
    part: slice
    kind: int
    frame: Frame
    source: Int[Tensor, "b p"] | None  # place that each repeats, -1 where the bar is new
    form: Int[Tensor, "b p"] | None  # token of its bar's form

    def within(self, whole: slice) -> slice:
        """The same places, counted from the first of their kind."""
        return slice(self.part.start - whole.start, self.part.stop - whole.start)


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
    values: Int[Tensor, " values"]
    onset_counts: Int[Tensor, " masks"]
    from_end: Int[Tensor, " eighths"]

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
        self.start = self.degree + DEGREES * KEYS
        channels = config.channels
        self.known = nn.EmbeddingBag(self.start + 1, channels, mode="sum", padding_idx=0)
        self.place = nn.Parameter(torch.zeros(len(layout.kinds), channels))
        self.blocks = Blocks(config)
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
            "values": torch.arange(most),
            "onset_counts": reader.onsets.sum(1),
            "from_end": torch.arange(EIGHTHS, 0, -1),  # places of a bar that are left
            "tonic_height": reader.height_of[torch.arange(KEYS), reader.tonic + 48] % DEGREES,
        }
        for name, table in tables.items():
            self.register_buffer(name, table, persistent=False)

    def forward(
        self, tokens: Int[Tensor, "b tokens"]
    ) -> tuple[Float[Tensor, "b tokens c"], Float[Tensor, "b tokens values"]]:
        """Hidden states and logits of all places."""
        frame = self.frame(tokens)
        places = [self.places(tokens, part, frame) for part in self.layout.parts]
        rows = [self.rows(at) for at in places]
        x = read(self.known, torch.cat([F.pad(part, (0, 4 - part.shape[2])) for part in rows], 1))
        x = x + self.place
        if self.layout.phrases > 1:
            x = x + read(self.echo, torch.cat([self.echoes(at) for at in places], 1))
        x = self.blocks(x)
        return x, torch.cat([self.logits(x[:, at.part], at) for at in places], 1)

    def step(
        self, tokens: Int[Tensor, "b tokens"], place: int, frame: Frame, cache: list[Cache]
    ) -> tuple[Float[Tensor, "b c"], Float[Tensor, "b values"]]:
        """Hidden state and logits of one place; of the tokens only those before it are read."""
        at = self.places(tokens, slice(place, place + 1), frame)
        x = read(self.known, self.rows(at)) + self.place[place]
        if self.layout.phrases > 1:
            x = x + read(self.echo, self.echoes(at))
        x = self.blocks.step(x[:, 0], cache, place)
        return x, self.logits(x[:, None], at)[:, 0]

    def cache(self, batch: int) -> list[Cache]:
        """Empty cache for a batch of skeletons."""
        return self.blocks.caches(batch, len(self.place))

    def frame(self, tokens: Int[Tensor, "b tokens"]) -> Frame:
        """Frame of the tokens so far; of those that are not known yet, no place reads what is said.

        A height is held unless a second onset comes on the way.
        """
        reader, key = self.reader, self.reader.key_of(tokens)
        onsets = reader.onset_flags(tokens)
        pairs = onsets[:, ::2] + 2 * onsets[:, 1::2]
        around = 16 * pairs + 4 * F.pad(pairs[:, 1:], (0, 1)) + F.pad(pairs[:, :-1], (1, 0))
        struck = onsets[:, ::2] | F.pad(onsets[:, 1:-1:2], (1, 0))
        moves = (struck > 0) & (onsets.cumsum(1)[:, ::2] >= 2)
        moves[:, 0] = True
        begun = onsets.unflatten(1, (-1, STEPS_PER_BAR)).cumsum(2).flatten(1)[:, ::2] > 0
        return Frame(
            reader.half_onsets(tokens),
            reader.half_heights(tokens) * EIGHTHS,
            key[:, None] * DEGREES + self.degree,
            (self.values - self.tonic_height[key][:, None]) % DEGREES,
            self.reachable[key][:, None],
            around + self.onsets_around,
            moves[..., None],
            begun[..., None],
        )

    def places(self, tokens: Int[Tensor, "b tokens"], part: slice, frame: Frame) -> Places:
        """What is known at some places, which are of one kind; of wholes, that of the first."""
        source = self.source(tokens, part) if self.layout.phrases > 1 else (None, None)
        return Places(tokens, part, self.layout.kinds[part.start], frame, *source)

    def rows(self, at: Places) -> Int[Tensor, "b p rows"]:
        """Rows of the embeddings that are read at some places."""
        last = slice(max(at.part.start - 1, 0), at.part.stop - 1)
        before = at.tokens[:, last] + self.first_rows[last]
        if at.part.start == 0:
            before = F.pad(before, (1, 0), value=self.start)
        if at.kind == RHYTHM:
            return torch.stack([before, self.missing_onsets(at)], -1)
        if at.kind != HEIGHT:
            return before[..., None]
        wanted, from_ = self.missing_height(at), self.moved_from(at)
        move = (2 * (wanted - from_)).round().clamp(-STRETCH, STRETCH).long() + STRETCH
        around = at.frame.around_rows[:, at.within(self.layout.heights)]
        degree = at.frame.degree_rows + from_ % DEGREES
        return torch.stack([before, move + self.wanted_move, around, degree], -1)

    def echoes(self, at: Places) -> Int[Tensor, "b p rows"]:
        """Rows of the tokens some bars before, of the bar that is repeated, form, and degree."""
        assert at.source is not None and at.form is not None
        tokens, back = at.tokens, self.before_by[at.part]
        places = torch.cat([back.expand(len(tokens), -1, -1), at.source[..., None]], -1)
        found = places.clamp(min=0)
        rows = tokens.gather(1, found.flatten(1)).view(found.shape) + self.first_rows[found]
        # In tables of their own, the first rows stand for the form and the degree to move from.
        degree = torch.zeros_like(at.form)
        if at.kind == HEIGHT:
            start = max(at.part.start, self.layout.heights.start + 1)
            before = tokens[:, start - 1 : at.part.stop - 1]
            degree[:, start - at.part.start :] = at.frame.degrees.gather(1, before) + 1
        own = torch.stack([at.form + 1, degree], -1)
        rows = torch.cat([torch.where(places < 0, 0, rows), own], -1)
        offsets = torch.arange(rows.shape[-1], device=rows.device) * self.wanted_onsets
        return torch.where(rows > 0, rows + offsets, 0)

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

    def missing_onsets(self, at: Places) -> Int[Tensor, "b p"]:
        """Rows of the onsets that each beat has to have for its bar to have as many as asked."""
        within = at.within(self.layout.rhythm)
        bars = bars_of(within, BEATS)
        masks = at.tokens[:, self.layout.rhythm].unflatten(1, (-1, BEATS))[:, bars]
        counts = self.onset_counts[masks]
        left = at.frame.onsets_asked[:, bars, None] - 2 * before_each(counts)
        quarters = (2 * left / self.from_end[-BEATS:]).round().clamp(SPARE, CROWDED).long() - SPARE
        return chosen_of(quarters, within) + self.wanted_onsets

    def missing_height(self, at: Places) -> Float[Tensor, "b p"]:
        """Mean height that is still wanted in a bar."""
        within = at.within(self.layout.heights)
        bars = bars_of(within, EIGHTHS)
        heights = at.tokens[:, self.layout.heights].unflatten(1, (-1, EIGHTHS))[:, bars]
        wanted = at.frame.height_asked[:, bars, None] - before_each(heights)
        return chosen_of(wanted / self.from_end, within)

    def moved_from(self, at: Places) -> Int[Tensor, "b p"]:
        """Height to move from: the one before, at first the mean that the first bar asks for."""
        start = self.layout.heights.start
        before = at.tokens[:, max(at.part.start - 1, start) : at.part.stop - 1]
        if at.part.start > start:
            return before
        first = (at.frame.height_asked[:, :1] / EIGHTHS).long().clamp(0, TOKEN_HEIGHTS - 1)
        return torch.cat([first, before], 1)

    def logits(self, x: Float[Tensor, "b p c"], at: Places) -> Float[Tensor, "b p values"]:
        """Logits of some places; values that cannot be are masked."""
        x = self.norm(x)
        if at.kind in (RHYTHM, HEIGHT):
            logits = F.linear(x, self.heads[at.kind])
        else:
            logits = torch.einsum("bpc,pvc->bpv", x, self.heads[self.head_of[at.part]])
        logits = logits + self.bias[at.part]
        if at.kind == HEIGHT:
            return self.height_logits(logits, x, at)
        allowed = self.possible[at.part].expand(logits.shape)
        if at.kind == FORM:
            allowed = allowed & self.new_bars(at)
        if at.kind == RHYTHM and at.source is not None:
            allowed = repeating(allowed, allowed, at.tokens, at.source)
        return torch.where(allowed, logits, IMPOSSIBLE)

    def height_logits(
        self, logits: Float[Tensor, "b p values"], x: Float[Tensor, "b p c"], at: Places
    ) -> Float[Tensor, "b p values"]:
        """Logits of some heights: held where nothing is struck, and those of what is repeated."""
        within, from_ = at.within(self.layout.heights), self.moved_from(at)[..., None]
        logits = logits + self.interval(x).gather(-1, self.values + self.most - from_)
        stays = self.values == from_
        allowed = at.frame.reachable & (stays | at.frame.moves[:, within])
        if at.source is not None:
            degrees = at.frame.degrees[:, None].expand_as(logits)
            logits = logits + self.by_degree(x).gather(-1, degrees)
            again = repeating(allowed, allowed, at.tokens, at.source)
            allowed = torch.where(at.frame.begun[:, within], again, allowed)
        return torch.where(allowed, logits, IMPOSSIBLE)

    def new_bars(self, at: Places) -> Bool[Tensor, "b p values"]:
        """Values of the form that can be: a bar is new, or repeats an earlier one that was new."""
        new = F.pad(at.tokens[:, self.layout.form] == 0, (1, 0), value=True)  # the first bar is
        bars = torch.arange(at.part.start + 1, at.part.stop + 1, device=new.device)
        repeated = (self.values - 1).clamp(0, new.shape[1] - 1)
        earlier = (self.values >= 1) & (self.values <= bars[:, None])
        return (self.values == 0) | (earlier & new[:, repeated][:, None])


def bars_of(within: slice, in_bar: int) -> slice:
    """Bars that have these places."""
    return slice(within.start // in_bar, (within.stop - 1) // in_bar + 1)


def chosen_of(values: Shaped[Tensor, "b bars n"], within: slice) -> Shaped[Tensor, "b p"]:
    """Values of these places, given those of their bars."""
    first = within.start // values.shape[2] * values.shape[2]
    return values.flatten(1)[:, within.start - first : within.stop - first]


def read(table: nn.EmbeddingBag, rows: Int[Tensor, "b p rows"]) -> Float[Tensor, "b p c"]:
    """Sums of the embeddings of these rows."""
    return table(rows.flatten(0, 1)).unflatten(0, rows.shape[:2])


def before_each(values: Int[Tensor, "b bars n"]) -> Int[Tensor, "b bars n"]:
    """Sum of those before each."""
    return values.cumsum(-1) - values
