"""Writing of an album's page."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from synvae_core.atomic import make_folder
from synvae_workbench.album.ledger import reading
from synvae_workbench.album_page.cards import Card, Cards, Files
from synvae_workbench.album_page.order import order_by_ear
from synvae_workbench.data.files import printable
from synvae_workbench.locks import holding
from synvae_workbench.reports.pages import write_page

PAGE = "album.html"
EMBEDDED = 100  # entries of which all is in the page: about 5 MB
NAME, EAR = ORDERS = "name", "ear"


class Written(NamedTuple):
    """A page that was written: its path, its number of entries, and why others are left out."""

    path: Path
    entries: int
    left_out: dict[str, str]


def write_album_page(
    album: Path,
    *,
    order: str = NAME,
    embedded: int = EMBEDDED,
    done: Callable[[], object] = lambda: None,
) -> Written:
    """Writes `album.html` of an album of melodies, which fetches nothing from elsewhere.

    Args:
        order: of the entries at first, one of `ORDERS`; the page can change it.
        embedded: most entries with which sounds and pictures are in the page. Of more, they lie
            beside it in the album's hidden folder, and are loaded as they are seen or played.
        done: called after each entry.

    Raises:
        ValueError: if the folder is no album of melodies, none is done, or another process writes.
        UnwritableError: if there is no room or right to write.
    """
    if order not in ORDERS:
        raise ValueError(f"expected an order of {' or '.join(ORDERS)}, got {order!r}")
    with reading(album) as ledger:
        settings, count = ledger.settings, ledger.count()
        if settings.get("makes") == "pictures" or not count:
            raise ValueError(
                f"{album} has no melodies of pictures: make some with `synvae listen PICTURES "
                f"--to {album}`"
            )
        files = Files(album, embedded=count <= embedded)
        make_folder(files.folder)
        with holding(album / PAGE):
            cards, left_out = [], {}
            maker = Cards(files, settings)
            for entry in ledger.entries():
                try:
                    cards.append(maker.card(entry))
                except ValueError as error:
                    left_out[printable(entry.name)] = str(error)
                done()
            path = write_page(
                album / PAGE,
                "album.html.j2",
                name=printable(album.resolve().name),
                order=order,
                cards=_placed(cards, order),
                left_out=left_out,
                embedded=files.embedded,
            )
            files.remove_others()
    return Written(path, len(cards), left_out)


def _placed(cards: list[Card], order: str) -> list[tuple[Card, int, int]]:
    """Cards in the order of the page, each with its place by name and its place by ear."""
    steps = max((len(card.codes) for card in cards), default=0)
    codes = np.zeros((len(cards), steps), np.uint8)  # silence after shorter ones
    for row, card in zip(codes, cards, strict=True):
        row[: len(card.codes)] = card.codes
    by_ear = np.empty(len(cards), np.int64)
    by_ear[order_by_ear(codes)] = np.arange(len(cards))
    placed = [(card, place, int(by_ear[place])) for place, card in enumerate(cards)]
    return placed if order == NAME else sorted(placed, key=lambda each: each[2])
