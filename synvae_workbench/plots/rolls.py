"""Melodies as piano rolls: time from left to right, pitch from low to high, a bar for each note."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Integer
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import ArrayLike
from torch import Tensor

from synvae_core.music.coding import (
    STEPS_PER_BAR,
    STEPS_PER_QUARTER,
    Coding,
    Note,
)
from synvae_core.music.melody import ONE_VOICE
from synvae_workbench.plots.alternatives import melodies_told, pictures_told, tell
from synvae_workbench.plots.palette import BAR_LINE, BEAT_LINE, FAINT, INK, MUTED, PAPER
from synvae_workbench.plots.roll_images import ROWS, note_colour, pitch_range
from synvae_workbench.plots.style import new_figure, panels, style

GAP = 0.14  # of a step, between repeated notes
ROW_LABELS = ("picture", "its melody", "rebuilt from\nthe melody")
_INK_ON_PAPER = LinearSegmentedColormap.from_list("ink", ["white", INK])


def piano_rolls(
    events: Integer[np.ndarray, "n t"],
    titles: Sequence[str] = (),
    *,
    columns: int = 4,
    coding: Coding = ONE_VOICE,
) -> Figure:
    """Piano rolls of melodies side by side, on one range of pitches.

    Args:
        events: event ids of the coding.
        titles: one for each melody, or none.
        columns: melodies in a row.

    Raises:
        ValueError: if there is no melody, or not as many titles as melodies.
    """
    if not len(events) or len(titles) not in (0, len(events)):
        raise ValueError(f"got {len(events)} melodies and {len(titles)} titles")
    melodies = [coding.notes(each) for each in events]
    steps = events.shape[1] // coding.voices
    low, high = pitch_range(melodies)
    columns = min(columns, len(melodies))
    with style():
        figure, grid = panels(len(melodies), columns=columns, width=2.5, height=1.6)
        for i, axes in enumerate(grid):
            _draw_roll(axes, melodies[i], low, high, steps=steps)
            _label_roll(axes, low, high, pitches=i % columns == 0, bars=i + columns >= len(events))
            axes.set_title(titles[i] if titles else "")
    return tell(figure, melodies_told(_pitches(melodies), titles))


def digit_grid(
    images: Float[Tensor, "n c h w"],
    events: Integer[np.ndarray, "n t"],
    rebuilt: Float[Tensor, "n c h w"],
    labels: ArrayLike | None = None,
    *,
    columns: int = 10,
) -> Figure:
    """Pictures, below each its melody, and below that the reconstruction from the melody.

    Args:
        images: pictures in [0, 1], grey ones drawn in ink on paper.
        events: event ids of their melodies, all drawn over the same pitches.
        rebuilt: pictures in [0, 1].
        labels: written above the pictures.
        columns: pictures in a row.

    Raises:
        ValueError: if there is no picture, or not as many of everything.
    """
    count = len(images)
    names = [""] * count if labels is None else [str(label) for label in np.asarray(labels)]
    if not count or {len(events), len(rebuilt), len(names)} != {count}:
        raise ValueError(
            f"got {count} pictures, {len(events)} melodies, {len(rebuilt)} rebuilt pictures "
            f"and {len(names)} labels"
        )
    melodies = [ONE_VOICE.notes(each) for each in events]
    low, high = pitch_range(melodies)
    columns = min(columns, count)
    blocks = -(-count // columns)
    with style():
        figure = new_figure(1.0 * columns + 0.9, 3.2 * blocks)
        grid = figure.subplots(3 * blocks, columns, squeeze=False)
        figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03, wspace=0.02, hspace=0.02)
        for axes in grid.flat:
            axes.set_axis_off()
        for i in range(count):
            block, column = divmod(i, columns)
            shown, played, redrawn = grid[3 * block : 3 * block + 3, column]
            draw_picture(shown, images[i])
            shown.set_title(names[i], loc="center", color=MUTED)
            _draw_roll(played, melodies[i], low, high, steps=events.shape[1])
            played.set_box_aspect(1)
            draw_picture(redrawn, rebuilt[i])
        for axes, text in zip(grid[:, 0], ROW_LABELS * blocks, strict=True):
            axes.set_ylabel(text, rotation=0, ha="right", va="center")
    of = names if labels is not None else ()
    told = pictures_told(dict.fromkeys(ROW_LABELS, count))
    return tell(figure, told, melodies_told(_pitches(melodies), of))


def rolls_below_each_other(
    images: Float[Tensor, "n c h w"],
    events: Integer[np.ndarray, "n t"],
    *,
    rebuilt: Float[Tensor, "n c h w"] | None = None,
    coding: Coding = ONE_VOICE,
) -> Figure:
    """Pictures in a column, each with its melody to the right, on one range of pitches.

    Steps stand below the same steps, so that the eye finds what melodies have in common.

    Args:
        images: pictures in [0, 1].
        events: event ids of the coding.
        rebuilt: pictures in [0, 1], to the right of the melodies.

    Raises:
        ValueError: if there is no picture, or not a melody and a rebuilt picture for each.
    """
    drawn = images if rebuilt is None else rebuilt
    if not len(images) or {len(events), len(drawn)} != {len(images)}:
        raise ValueError(
            "expected a melody and a rebuilt picture for each picture: got "
            f"{len(events)} and {len(drawn)} for {len(images)}"
        )
    melodies, steps = [coding.notes(each) for each in events], events.shape[1] // coding.voices
    low, high = pitch_range(melodies)
    with style():
        figure = new_figure(5.0, 0.62 * len(images) + 0.3)
        widths = (1, 8) if rebuilt is None else (1, 8, 1)
        grid = figure.subplots(len(images), len(widths), squeeze=False, width_ratios=widths)
        figure.get_layout_engine().set(w_pad=0.02, h_pad=0.01, wspace=0.01, hspace=0.01)
        for row, image, notes, redrawn in zip(grid, images, melodies, drawn, strict=True):
            draw_picture(row[0], image)
            _draw_roll(row[1], notes, low, high, steps=steps)
            for axes in row[2:]:
                draw_picture(axes, redrawn)
        _label_roll(grid[-1, 1], low, high, pitches=False, bars=True)
    again = " and the picture rebuilt from it" if rebuilt is not None else ""
    lines = f"{len(images)} pictures below each other, each beside its melody{again}"
    return tell(figure, lines, melodies_told(_pitches(melodies)))


def draw_picture(axes: Axes, image: Float[Tensor, "c h w"]) -> None:
    """Draws a picture in [0, 1], a grey one as ink on paper."""
    pixels = image.numpy()[0] if len(image) == 1 else image.permute(1, 2, 0).numpy().clip(0, 1)
    axes.imshow(pixels, cmap=_INK_ON_PAPER, vmin=0, vmax=1, interpolation="none")
    axes.set(xticks=[], yticks=[])
    axes.set_axis_on()
    axes.spines[:].set(visible=True, color=FAINT)


def _draw_roll(axes: Axes, notes: Sequence[Note], low: int, high: int, *, steps: int) -> None:
    half = max(1.0, (high - low) / ROWS) / 2
    corner = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
    corners = [
        (note.start, note.pitch - half) + corner * (note.end - note.start - GAP, 2 * half)
        for note in notes
    ]
    colours = [note_colour(note, low, high) for note in notes]
    axes.set_facecolor(PAPER)
    beats = np.arange(0, steps + 1, STEPS_PER_QUARTER)
    axes.add_collection(
        LineCollection(
            [[(beat, low - 2), (beat, high + 2)] for beat in beats],
            colors=np.where(beats % STEPS_PER_BAR == 0, BAR_LINE, BEAT_LINE),
            linewidths=0.7,
            zorder=0,
        )
    )
    axes.add_collection(PolyCollection(corners, facecolors=colours, linewidths=0, clip_on=False))
    axes.set(xlim=(0, steps), ylim=(low - 1.5, high + 1.5), xticks=[], yticks=[])
    axes.set_axis_on()
    axes.spines[:].set(visible=True, color=FAINT)


def _label_roll(axes: Axes, low: int, high: int, *, pitches: bool, bars: bool) -> None:
    octaves = [pitch for pitch in range(low, high + 1) if pitch % 12 == 0]
    if pitches:
        axes.set_yticks(octaves, [f"C{pitch // 12 - 1}" for pitch in octaves])
    if bars:
        starts = np.arange(0, axes.get_xlim()[1], STEPS_PER_BAR)
        axes.set_xticks(starts, [f"bar {i}" for i in range(1, len(starts) + 1)], ha="left")
    axes.tick_params(length=0)


def _pitches(melodies: Sequence[Sequence[Note]]) -> list[list[int]]:
    return [[note.pitch for note in notes] for notes in melodies]
