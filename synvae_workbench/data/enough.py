"""Refusal of sets that are too small, before anything is computed of them."""

from collections.abc import Mapping
from itertools import count

from synvae_workbench.data.pictures.splits import HELD_OUT, PARTS, count_held_out
from synvae_workbench.data.pictures.types import DIGITS, PictureSet
from synvae_workbench.data.speech.types import SpokenDigits


def check_enough(
    what: str, found: Mapping[str, int], needed: Mapping[str, int], *, remedy: str
) -> None:
    """Refuses a set that has fewer items in a part than are needed.

    Args:
        what: name of the set and of its items.
        found, needed: number of items by part; parts that are not needed may be left out of the
            second.
        remedy: what to do, as the end of a sentence.

    Raises:
        ValueError: naming the set, what is there, what is needed of each part, and the remedy.
    """
    short = [
        f"{least} or more for {part}, got {found[part]}"
        for part, least in needed.items()
        if found[part] < least
    ]
    if short:
        raise ValueError(f"{what}: expected {' and '.join(short)}; {remedy}")


def check_pictures(pictures: PictureSet, **needed: int) -> None:
    """`check_enough` of a set of pictures, by split: `train`, `validation` and `test`.

    Raises:
        ValueError: if there are fewer, saying how many in all would do.
    """
    found = {part: len(getattr(pictures, part).ids) for part in PARTS}
    check_enough(
        f"pictures of the set {pictures.name!r}",
        found,
        needed,
        remedy=f"a folder of {_total(needed)} has as many, or say which are for what by "
        "sub-folders train, validation and test",
    )


def _total(needed: Mapping[str, int]) -> int:
    """Pictures of which a tenth each, at least one, is enough for validation and for testing."""
    for total in count(sum(needed.values()) or 1):
        held_out = count_held_out(total, HELD_OUT) if total > 1 else 0
        parts = {"train": total - 2 * held_out, "validation": held_out, "test": held_out}
        if all(parts[part] >= least for part, least in needed.items()):
            return total
    raise AssertionError


def check_recordings(speech: SpokenDigits, **needed: int) -> None:
    """Refuses spoken digits with fewer recordings of a digit than are needed of each.

    Args:
        needed: recordings of each of the ten digits, by split: `train`, `validation` and `test`.

    Raises:
        ValueError: naming the set, the splits and the digits.
    """
    short = []
    for part, least in needed.items():
        counts = getattr(speech, part).labels.bincount(minlength=len(DIGITS)).tolist()
        if digits := [digit for digit, count in zip(DIGITS, counts, strict=True) if count < least]:
            short.append(
                f"{least} or more of each digit for {part}, got fewer of {', '.join(digits)}"
            )
    if short:
        raise ValueError(
            f"{speech.title}: expected {' and '.join(short)}; {sum(needed.values())} different "
            "recordings of each digit are enough for the published split"
        )
