"""Sliders: directions in latent space, each with a name that is true of the notes.

The same names in the same order for all models. Where a melody language plans a skeleton
(`models.melody.skeleton`), the sliders of the whole are the latents of its tokens of the whole; of
more than two bars, "rising" and "later" are what the second half has more than the first. The
others are found by ridge regression of attributes of the notes on z, over draws of the prior; the
slopes are taken together to the nearest orthonormal set: Löwdin 1950, "On the Non-Orthogonality
Problem Connected with the Use of Atomic Wave Functions", J. Chem. Phys. 18, 365. So the value of a
slider is standard normal under the prior, and moving one leaves the values of all others. What
comes of it is measured in the notes, of melodies that had no part in the regression; a name that is
not true of them is not given. Which sliders there are is thus up to the melody model alone, and not
to any picture.
"""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int, Integer
from torch import Tensor

from synvae_core.models.melody.skeleton import SkeletonReader
from synvae_core.models.melody.skeleton_language import SkeletonMelodyConfig
from synvae_core.models.melody.skeleton_layout import (
    DENSITY,
    KEY,
    LATER,
    REGISTER,
    RISING,
    SkeletonLayout,
)
from synvae_core.models.melody.vae import MelodyVae
from synvae_core.music.attributes import (
    bar_end_onsets,
    last_pitch,
    mean_pitch,
    note_density,
    onset_rise,
    pitch_arch,
    pitch_rise,
)
from synvae_core.music.coding import STEPS_PER_BAR, Coding
from synvae_workbench.data.cache import (
    cache_folder,
    digest_of,
    read_arrays,
    weights_of,
    write_arrays,
)

VERSION = 1  # to be raised when sliders or effects change: then the cache's are not used
REACH = 3.0  # of a slider, in standard deviations of the prior, to either side
DRAWS = 1000  # of the prior, which give the directions; of two bars, and fewer of longer pieces
CHECKED = 60  # other draws, whose melodies say whether a name is true
BRIEF = 2 * STEPS_PER_BAR
LEAST_CONSISTENCY = 0.75  # share of the melodies that do what the name says, from end to end


class Trait(NamedTuple):
    """An attribute of what is decoded, words for more and less of it, and its unit.

    `measure` takes what a model decodes and gives (n,): of notes, events (n, t) and their `coding`.
    `does` says in a sentence what is heard or seen when there is more of it.
    """

    more: str
    less: str
    does: str
    unit: str
    measure: Callable[..., np.ndarray]


class Slider(NamedTuple):
    """A direction of length 1 and, from the low end to the high one, what it does.

    `effect` is the mean change in units of the trait, `consistency` the share of the melodies or
    pictures that change the way that the name says.
    """

    trait: Trait
    direction: Float[Tensor, " z"]
    effect: float = 0.0
    consistency: float = 0.0

    def value(self, z: Float[Tensor, "*n z"]) -> Float[Tensor, "*n"]:
        """Position of points on the slider."""
        return z @ self.direction

    def move(self, z: Float[Tensor, "*n z"], value: float) -> Float[Tensor, "*n z"]:
        """The points with this slider at a value, and all others as they were."""
        return z + (value - self.value(z))[..., None] * self.direction

    @property
    def evidence(self) -> str:
        """The measured effect, and the share of the melodies that went that way."""
        effect = float(f"{self.effect:.2g}")  # two figures, and no exponent
        return f"{effect:+g} {self.trait.unit} on average, in {self.consistency:.0%}"


def key_signature(events: Integer[np.ndarray, "n t"], *, coding: Coding) -> Int[np.ndarray, " n"]:
    """Place of each melody's key on the circle of fifths: sharps, less flats, plus five."""
    return _reader(coding).key(torch.from_numpy(coding.starts(events))).numpy()


@lru_cache(maxsize=1)
def _reader(coding: Coding) -> SkeletonReader:
    return SkeletonReader(coding)


def _onsets(events: np.ndarray, *, coding: Coding) -> np.ndarray:
    return note_density(events, coding=coding) * events.shape[1] / coding.voices


SHARPER = "sharper key"
TRAITS = (
    Trait(
        "higher",
        "lower",
        "All notes move up",
        "semitones",
        mean_pitch,
    ),
    Trait(SHARPER, "flatter key", "The key gets sharps, or loses flats", "sharps", key_signature),
    Trait("busier", "calmer", "More and shorter notes", "notes", _onsets),
    Trait(
        "rising",
        "falling",
        "The second half moves up against the first",
        "semitones",
        pitch_rise,
    ),
    Trait(
        "later",
        "earlier",
        "Notes move from the first half to the second",
        "notes",
        onset_rise,
    ),
    Trait(
        "busier bar ends",
        "busier bar starts",
        "Notes move to the second half of each bar",
        "notes",
        bar_end_onsets,
    ),
    Trait(
        "arched",
        "valley-shaped",
        "The middle moves up against the beginning and the end",
        "semitones",
        pitch_arch,
    ),
    Trait(
        "ends higher",
        "ends lower",
        "The last note moves up against the others",
        "semitones",
        last_pitch,
    ),
)


def planned_directions(layout: SkeletonLayout, dim: int) -> dict[str, Float[Tensor, " z"]]:
    """Orthonormal directions of a skeleton's tokens of the whole, by the names of their traits."""
    all_alike, halves = torch.ones(layout.phrases), torch.ones(layout.phrases)
    halves[: layout.phrases // 2] = -1
    weights = {
        "higher": (REGISTER, all_alike),
        SHARPER: (KEY, torch.ones(1)),
        "busier": (DENSITY, all_alike),
        "rising": (RISING, all_alike) if layout.phrases == 1 else (REGISTER, halves),
        "later": (LATER, all_alike) if layout.phrases == 1 else (DENSITY, halves),
    }
    directions = {name: torch.zeros(dim) for name in weights}
    for name, (kind, weight) in weights.items():
        directions[name][layout.places(kind)] = weight / weight.norm()
    return directions


def find_sliders(model: MelodyVae) -> list[Slider]:
    """Sliders of a melody model, with their effect on draws of its prior, which are seeded.

    Eight with a skeleton; seven without, as the key follows no one direction in a quantile code;
    fewer of a model whose melodies do not do what a name says.
    """
    generator = torch.Generator().manual_seed(1)
    z = torch.randn(_count(CHECKED, model), model.config.latent_dim, generator=generator)
    z = z.to(model.device)
    found = [measure_slider(each, model, z) for each in named_directions(model)]
    return [each for each in found if each.consistency >= LEAST_CONSISTENCY]


def sliders_at(
    model: MelodyVae, z: Float[Tensor, "n z"], *, cache: Path | None = None
) -> list[Slider]:
    """Sliders of a melody model with their effect on the melodies of these points.

    They take some 3,000 melodies, and are cached by the model's weights and the points.

    Args:
        cache: folder; by default `$SYNVAE_CACHE`, else `~/.cache/synvae`.
    """
    settings = (VERSION, repr(model.config), [trait.more for trait in TRAITS], tuple(z.shape))
    digest = digest_of(settings, weights_of(model) | {"points": z.cpu().numpy().tobytes()})
    path = cache_folder(cache) / f"sliders-{digest}.npz"
    stored = read_arrays(path, ["traits", "directions", "measured"])
    if stored is not None and _are_sliders(stored, z.shape[1]):
        directions = torch.from_numpy(stored["directions"]).to(z)
        rows = zip(stored["traits"].tolist(), directions, stored["measured"].tolist(), strict=True)
        return [Slider(TRAITS[index], direction, *values) for index, direction, values in rows]
    found = [measure_slider(each, model, z) for each in find_sliders(model)]
    arrays = {
        "traits": np.array([TRAITS.index(each.trait) for each in found], np.int64),
        "directions": np.array([each.direction.cpu().numpy() for each in found], np.float32),
        "measured": np.array([(each.effect, each.consistency) for each in found], float),
    }
    with contextlib.suppress(OSError):  # a read-only or full disk: measured again next time
        write_arrays(path, arrays)
    return found


def _are_sliders(stored: dict[str, np.ndarray], dim: int) -> bool:
    """Whether a file's arrays can be what was stored: anybody may have written there."""
    traits, directions, measured = (stored[n] for n in ("traits", "directions", "measured"))
    kinds = (traits.dtype, directions.dtype, measured.dtype) == (np.int64, np.float32, np.float64)
    count = len(traits) if traits.ndim == 1 else 0
    shaped = directions.shape == (count, dim) and measured.shape == (count, 2)
    return bool(kinds and count and shaped and ((traits >= 0) & (traits < len(TRAITS))).all())


def measure_slider(slider: Slider, model: MelodyVae, z: Float[Tensor, "n z"]) -> Slider:
    """The slider with its effect on the melodies of other points, such as those of pictures.

    Raises:
        ValueError: without a point, or with points of another dimension.
    """
    measure = slider.trait.measure
    return measure_effect(
        slider, z, lambda z: measure(model.decode(z).cpu().numpy(), coding=model.coding)
    )


def measure_effect(
    slider: Slider, z: Float[Tensor, "n z"], value_of: Callable[[Tensor], np.ndarray]
) -> Slider:
    """The slider with its effect on points, from its low end to its high one.

    Args:
        value_of: the trait (n,) of what points (n, z) decode to.

    Raises:
        ValueError: without a point, or with points of another dimension.
    """
    if not len(z) or z.shape[1] != len(slider.direction):
        raise ValueError(
            f"a slider is measured at a point or more of {len(slider.direction)} dimensions: got "
            f"{tuple(z.shape)}"
        )
    ends = torch.cat([slider.move(z, end) for end in (-REACH, REACH)])
    low, high = np.split(np.asarray(value_of(ends)).astype(float), 2)
    return slider._replace(
        effect=float((high - low).mean()), consistency=float((high > low).mean())
    )


def named_directions(model: MelodyVae) -> list[Slider]:
    """Orthonormal directions of the traits, not measured yet; a trait that never varies has none.

    Draws of the prior are seeded: the same model has the same directions.
    """
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(_count(DRAWS, model), model.config.latent_dim, generator=generator)
    z = z.to(model.device)
    events = model.decode(z).cpu().numpy()
    named, config = {}, model.config
    if isinstance(config, SkeletonMelodyConfig) and config.names_latents:
        named = planned_directions(config.layout, z.shape[1])
    values = {
        trait.more: trait.measure(events, coding=model.coding)
        for trait in TRAITS
        if trait.more not in {*named, SHARPER}
    }
    named |= regressed_directions(z, values, taken=list(named.values()))
    return [Slider(trait, named[trait.more].to(z)) for trait in TRAITS if trait.more in named]


def regressed_directions(
    z: Float[Tensor, "n z"],
    values: Mapping[str, np.ndarray],
    *,
    taken: Sequence[Float[Tensor, " z"]] = (),
) -> dict[str, Float[Tensor, " z"]]:
    """Orthonormal directions of attributes (n,) by name: slopes of their ridge regression on z.

    An attribute that never varies has none, and there are no more than dimensions.

    Args:
        taken: orthonormal directions to which all are at right angles.
    """
    varied = {name: each / each.std() for name, each in values.items() if each.std() > 0}
    varied = dict(list(varied.items())[: z.shape[1] - len(taken)])
    if not varied:
        return {}
    # Solved here: scikit-learn would be a second and 60 MB of each page that has sliders.
    columns = torch.from_numpy(np.stack(list(varied.values()), 1)).double()
    of_z, of_values = (each - each.mean(0) for each in (z.cpu().double(), columns))
    penalty = z.shape[1] * torch.eye(z.shape[1], dtype=torch.double)
    slopes = torch.linalg.solve(of_z.T @ of_z + penalty, of_z.T @ of_values).T.to(z.dtype)
    return dict(zip(varied, _orthonormal(slopes, list(taken)), strict=True))


def _count(of_two_bars: int, model: MelodyVae) -> int:
    """Fewer draws of long pieces, so that a page need not wait; a quarter at least."""
    return of_two_bars // min(4, max(1, model.config.steps // BRIEF))


def _orthonormal(
    rows: Float[Tensor, "n z"], taken: list[Float[Tensor, " z"]]
) -> Float[Tensor, "n z"]:
    """The orthonormal rows nearest to these, and at right angles to the directions taken."""
    if taken:
        rows = rows - rows @ torch.stack(taken).T @ torch.stack(taken)
    left, _, right = torch.linalg.svd(rows / rows.norm(dim=1, keepdim=True), full_matrices=False)
    return left @ right
