"""Permissions of files hold for root, too, while a block runs: Linux, capabilities(7)."""

import contextlib
import ctypes
import os
from collections.abc import Iterator

VERSION = 0x20080522  # _LINUX_CAPABILITY_VERSION_3
OVERRIDE = 1 << 1 | 1 << 2  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH: writing and reading anyway


@contextlib.contextmanager
def permissions_hold() -> Iterator[None]:
    """Takes from this thread the right to write and read what is not allowed, if it has it."""
    if os.geteuid() != 0:
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(VERSION, 0)
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable: twice 32 bits of each
    _called(libc.capget, header, sets)
    before = sets[0]
    sets[0] &= ~OVERRIDE
    _called(libc.capset, header, sets)
    try:
        yield
    finally:
        sets[0] = before
        _called(libc.capset, header, sets)


def _called(function, *given) -> None:
    if function(*given):
        raise OSError(ctypes.get_errno(), "capabilities cannot be changed")
