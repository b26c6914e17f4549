"""Small sets: measures that need more items than there are are left out, with a word."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from IPython.display import display

from synvae_core.types import TooFewError


class LeftOut:
    """The word for a measure that was left out, as a notebook shows it."""

    def __init__(self, what: str, why: str):
        self.sentence = f"Left out: {what}, as {why}."

    def __repr__(self) -> str:
        return self.sentence


@contextmanager
def where_enough(what: str) -> Iterator[None]:
    """Computes `what` where there are enough items, and else says how many it needs.

    What has been computed before a measure with too few items stays; nothing after it is.
    """
    try:
        yield
    except TooFewError as error:
        display(LeftOut(what, str(error)))


def ranks_within(ranks: Sequence[int], items: int) -> list[int]:
    """Those of some values of k that so many items have neighbours for; says which are left out.

    Raises:
        TooFewError: if there is none.
    """
    found = [k for k in ranks if k < items]
    if not found:
        raise TooFewError(f"neighbours at {min(ranks)} need {min(ranks) + 1} items: got {items}")
    if missing := sorted({*ranks} - {*found}):
        named = ", ".join(map(str, missing))
        why = f"k = {missing[0]} needs {missing[0] + 1} items: got {items}"
        display(LeftOut(f"neighbours at k = {named}", why))
    return found
