"""What goes between the pages of a listener and their controllers."""

from typing import Any, NamedTuple


class Move(NamedTuple):
    """A request of a page: its `kind` and values. `page` is the page's own token."""

    page: str
    kind: str
    values: dict[str, Any]


class Screen(NamedTuple):
    """Content for a page, and the bytes of the sounds and pictures that go with it."""

    content: dict[str, Any]
    buffers: list[bytes]
