"""What every figure is checked for, and what is drawn and written in it."""

from xml.etree import ElementTree

import matplotlib
import numpy as np
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D

SVG_TEXT = "{http://www.w3.org/2000/svg}text"


def texts(figure) -> list[str]:
    """All that is written in a figure, in the order of drawing."""
    found = ElementTree.fromstring(figure._repr_svg_()).iter(SVG_TEXT)
    return ["".join(each.itertext()).strip() for each in found]


def words(figure) -> set[str]:
    """The same, each once."""
    return set(texts(figure))


def curves(axes: Axes) -> list[Line2D]:
    """Lines of data in the order of drawing: neither whiskers nor the samples of a legend."""
    return [line for line in axes.lines if len(line.get_xdata()) and not _is_whisker(line)]


def whiskers(axes: Axes) -> list[tuple[float, float]]:
    """Ends of the intervals of bars and points, in the order of drawing."""
    lines = [line.get_xydata() for line in axes.lines if _is_whisker(line)]
    return [tuple(ends[:, int(ends[0, 0] == ends[1, 0])]) for ends in lines]


def _is_whisker(line: Line2D) -> bool:
    ends = line.get_xydata()
    bare = line.get_marker() in ("", "None", None) and line.get_transform() == line.axes.transData
    return bare and ends.shape == (2, 2) and (ends[0] == ends[1]).any()


def luminance(colour: object) -> float:
    """Relative luminance as WCAG 2 defines it, 0..1."""
    parts = np.array(to_rgb(colour))
    linear = np.where(parts <= 0.03928, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def check_figure(draw, remote_references, *, most: int) -> None:
    """A figure is small, drawn alike every time, fetches nothing, and leaves no trace.

    Neither settings of matplotlib nor figures of pyplot, which a notebook would show again as
    blurred PNG, nor the state of the random numbers that others draw.
    """
    settings, randomness = dict(matplotlib.rcParams), np.random.get_state()  # noqa: NPY002
    picture = draw()._repr_svg_()
    assert picture == draw()._repr_svg_()
    assert len(picture) < most
    assert not remote_references(picture)
    assert dict(matplotlib.rcParams) == settings
    assert not pyplot.get_fignums()
    for before, after in zip(randomness, np.random.get_state(), strict=True):  # noqa: NPY002
        np.testing.assert_array_equal(before, after)
