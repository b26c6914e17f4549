"""Functions as users run them, without the annotations that tests check before anything else."""

from collections.abc import Iterator
from contextlib import contextmanager

from jaxtyping import config


@contextmanager
def no_checks() -> Iterator[None]:
    """Shapes and types are not checked within, so that a function has to refuse input itself."""
    config.update("jaxtyping_disable", True)
    try:
        yield
    finally:
        config.update("jaxtyping_disable", False)
