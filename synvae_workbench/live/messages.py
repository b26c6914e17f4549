"""Parts of messages between live pages and their kernel that several pages share."""

import math

from pretty_midi.constants import INSTRUMENT_CLASSES, INSTRUMENT_MAP

FOREIGN = "the page sent something that it should not; run the cell again"
BROKEN = "That went wrong, through no fault of yours; what happened is said in the log."
INSTRUMENTS = len(INSTRUMENT_MAP)  # General MIDI programs


def bounded_number(value: object, bounds: tuple[float, float]) -> float:
    """A number that a page sent, clipped to bounds.

    Raises:
        ValueError: if it is no finite number.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(FOREIGN)
    return float(min(max(value, bounds[0]), bounds[1]))


def instrument_groups() -> list[list]:
    """General MIDI instruments in their order, by class: [[class, [name, ...]], ...]."""
    size = len(INSTRUMENT_MAP) // len(INSTRUMENT_CLASSES)
    return [
        [name, list(INSTRUMENT_MAP[size * i : size * (i + 1)])]
        for i, name in enumerate(INSTRUMENT_CLASSES)
    ]
