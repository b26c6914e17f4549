"""Whole numbers in the arguments of the command line."""

from collections.abc import Callable


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """A parser of whole numbers of this range, called as a refused argument is told.

    It raises a ValueError for anything else.
    """

    def parse(text: str) -> int:
        if not least <= int(text) <= most:
            raise ValueError(f"expected {least}..{most}, got {text}")
        return int(text)

    parse.__name__ = f"whole number ({least}..{most})"
    return parse


count = whole_number(1, 4096)  # of processes, machines, sixteenths
place = whole_number(0, 4095)  # among so many
port = whole_number(0, 65535)
seed = whole_number(0, 9_999_999)  # of what is drawn at random
program = whole_number(0, 127)  # of General MIDI
