"""Text alternatives of figures: their main numbers in sentences, for those who do not see them.

Every function that draws says by `tell` what its figure shows (WCAG 2.2, 1.1.1): the values of bars
and dots, the ends and extremes of curves, diagonal and largest confusion of a confusion matrix.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import SupportsFloat

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

MOST = 12  # values that are listed one by one; of more, the ends
SHARE, FIGURE = ".1%", ".3g"  # formats of numbers


def tell(figure: Figure, *sentences: str) -> Figure:
    """Sets the text alternative of a figure, and returns it.

    Raises:
        ValueError: if it says nothing.
    """
    said = [sentence.strip().rstrip(".") for sentence in sentences if sentence.strip()]
    if not said:
        raise ValueError("a figure needs a text alternative with its main numbers")
    figure.alternative = " ".join(f"{' '.join(each.split())}." for each in said)
    return figure


def values_told(title: str, values: Mapping[str, SupportsFloat], form: str = FIGURE) -> str:
    """Every value by its name; of more than `MOST`, their number, the lowest and the highest."""
    shown = {" ".join(str(name).split()): float(value) for name, value in values.items()}
    known = {name: value for name, value in shown.items() if np.isfinite(value)}
    if len(shown) > MOST and known:
        low, high = min(known, key=known.get), max(known, key=known.get)
        ends = f"from {_number(known[low], form)} ({low}) to {_number(known[high], form)} ({high})"
        return f"{title}: {len(shown)} values {ends}"
    return f"{title}: {', '.join(f'{k}: {_number(v, form)}' for k, v in shown.items())}"


def curve_told(
    title: str, at: ArrayLike, values: ArrayLike, *, best: str = "", form: str = FIGURE
) -> str:
    """Start and end of a curve, and its extremes or the `best` of them, with their places.

    Args:
        at: places of the values.
        best: lowest or highest; empty where neither is better.
    """
    values, at = np.asarray(values, float), np.asarray(at)
    known = np.isfinite(values)
    if not known.any():
        return f"{title}: no finite value"
    values, at = values[known], at[known]
    said = f"{title}: {_number(values[0], form)} at {at[0]:.3g}"
    if len(values) > 1:
        said += f", {_number(values[-1], form)} at {at[-1]:.3g}"
    if len(values) > 2:
        places = {"lowest": values.argmin(), "highest": values.argmax()}
        for name in [best] if best else places:
            said += f", {name} {_number(values[places[name]], form)} at {at[places[name]]:.3g}"
    return said


def confusion_told(title: str, percent: ArrayLike, names: Sequence[str]) -> str:
    """Diagonal of a confusion matrix in percent of the row, and its largest confusion."""
    percent = np.asarray(percent, float)
    diagonal = values_told("right", dict(zip(names, percent.diagonal() / 100, strict=True)), ".0%")
    apart = np.where(np.eye(len(percent), dtype=bool), -1, percent)
    row, column = np.unravel_index(apart.argmax(), apart.shape)
    worst = "nothing is confused"
    if apart[row, column] > 0:
        worst = f"most confused: {names[row]} as {names[column]}, {apart[row, column]:.0f}%"
    return f"{title}: {diagonal}, {percent.diagonal().mean():.0f}% on average; {worst}"


def table_told(
    title: str, values: ArrayLike, names: tuple[Sequence[str], Sequence[str]], form: str = FIGURE
) -> str:
    """Cells of a heat map by row and column, or its ends; cells without a value are left out."""
    values = np.asarray(values, float)
    cells = {
        f"{row} / {column}": values[i, j]
        for i, row in enumerate(names[0])
        for j, column in enumerate(names[1])
        if np.isfinite(values[i, j])
    }
    return values_told(title, cells, form)


def pictures_told(rows: Mapping[str, int]) -> str:
    """Rows of pictures, with how many stand in each."""
    named = [" ".join(str(name).split()) for name in rows]
    counts = sorted({*rows.values()})
    each = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    return f"{each} picture{'s' * (counts[-1] != 1)} in each row: {'; '.join(named)}"


def melodies_told(pitches: Iterable[Sequence[int]], names: Sequence[str] = ()) -> str:
    """Number of notes and range of pitches of each piano roll; of many, of all together."""
    pitches = [[*each] for each in pitches]
    every = [pitch for each in pitches for pitch in each]
    if len(pitches) > MOST:
        counts = [len(each) for each in pitches]
        return f"{len(pitches)} piano rolls of {min(counts)} to {max(counts)} notes{_range(every)}"
    names = [*names] or [str(i + 1) for i in range(len(pitches))]
    each = (f"{name}: {len(of)} notes{_range(of)}" for name, of in zip(names, pitches, strict=True))
    return f"{len(pitches)} piano roll{'s' * (len(pitches) != 1)}: {', '.join(each)}"


def _range(pitches: Sequence[int]) -> str:
    return f" from MIDI pitch {min(pitches)} to {max(pitches)}" if pitches else ""


def _number(value: float, form: str) -> str:
    return format(value, form) if np.isfinite(value) else "unknown"
