"""What every figure is checked for, and what is written in it."""

from xml.etree import ElementTree

SVG_TEXT = "{http://www.w3.org/2000/svg}text"


def texts(figure) -> list[str]:
    """All that is written in a figure, in the order of drawing."""
    found = ElementTree.fromstring(figure._repr_svg_()).iter(SVG_TEXT)
    return ["".join(each.itertext()).strip() for each in found]


def words(figure) -> set[str]:
    """The same, each once."""
    return set(texts(figure))


def check_figure(draw, remote_references, *, most: int) -> None:
    """A figure is small, drawn alike every time, and fetches nothing."""
    picture = draw()._repr_svg_()
    assert picture == draw()._repr_svg_()
    assert len(picture) < most
    assert not remote_references(picture)
