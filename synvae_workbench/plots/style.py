"""Style of all figures: one typeface, one palette, no frame, and SVG in notebooks.

Colours are in `palette`.
"""

import base64
import html
import io
import re
from collections.abc import Container, Iterable
from contextlib import AbstractContextManager
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from synvae_workbench.plots.palette import FAINT, INK, MUTED, PALETTE, REFERENCE

_PATH = re.compile(r'<path d="[^"]*"')
_PNG = re.compile(r"data:image/png;base64,([A-Za-z0-9+/=\s]+)")
_STYLE = {
    "font.family": "sans-serif",
    "font.sans-serif": ["Helvetica Neue", "Arial", "Liberation Sans", "DejaVu Sans"],
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.labelsize": 9,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlepad": 7,
    "axes.axisbelow": True,
    "lines.linewidth": 1.4,
    "lines.markersize": 5,
    "lines.markeredgewidth": 0,
    "grid.color": FAINT,
    "grid.linewidth": 0.7,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "text.parse_math": False,  # a class may be called "$1 or $2"
    # text stays text: small, sharp, and readable to a screen reader
    "svg.fonttype": "none",
    "svg.hashsalt": "synvae",
}


class StyledFigure(Figure):
    """Figure with the style on a white ground, wherever it is drawn; SVG in notebooks.

    `alternative` is its text alternative, which the SVG carries as its `aria-label`.
    """

    alternative = ""

    def savefig(self, *args: Any, **options: Any) -> None:
        """Saves the figure in this style, as `Figure.savefig`."""
        with style():
            super().savefig(*args, **options)

    def _repr_svg_(self) -> str:
        buffer = io.StringIO()
        self.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
        svg = buffer.getvalue()
        # the XML declaration and document type have no place inside a page
        svg = _PATH.sub(_shorten_path, svg[svg.index("<svg") :])
        if self.alternative:
            label = html.escape(self.alternative)
            svg = svg.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)
        return _PNG.sub(_as_webp, svg)


def new_figure(width: float, height: float) -> StyledFigure:
    """Empty figure; sizes in inches. Draw on it within `style()`."""
    return StyledFigure(figsize=(width, height), layout="constrained", facecolor="white")


def panels(count: int, *, columns: int, width: float, height: float) -> tuple[Figure, list[Axes]]:
    """Figure with `count` axes in rows of at most `columns`; sizes in inches of each."""
    columns = min(columns, count)
    rows = -(-count // columns)
    figure = new_figure(width * columns, height * rows)
    grid = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes in grid[count:]:
        axes.set_axis_off()
    return figure, grid[:count]


def style() -> AbstractContextManager[None]:
    """Context in which axes have the style of the figures."""
    return rc_context(_STYLE)


def colours(names: Iterable[str], *, grey: Container[str] = ()) -> dict[str, str]:
    """Colours of names in the order of the palette, and grey for references."""
    found: dict[str, str] = {}
    for name in names:
        coloured = sum(colour != REFERENCE for colour in found.values())
        found[name] = REFERENCE if name in grey else PALETTE[coloured % len(PALETTE)]
    return found


def _shorten_path(path: re.Match[str]) -> str:
    """Rounds a path to hundredths of a point, in one line, which halves its bytes."""
    return " ".join(re.sub(r"(\.\d\d)\d+", r"\1", path[0]).split())


def _as_webp(png: re.Match[str]) -> str:
    """Converts an embedded PNG to lossless WebP, at two thirds of the bytes."""
    image = Image.open(io.BytesIO(base64.b64decode(png[1])))
    if image.mode == "RGBA" and image.getextrema()[3] == (255, 255):
        image = image.convert("RGB")
    buffer = io.BytesIO()
    image.save(buffer, "webp", lossless=True)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
