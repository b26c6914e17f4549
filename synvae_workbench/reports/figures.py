"""Figures of executed notebooks as reports show them: named, legible, and dark where pages are.

A report shows a figure as an image, whose text is no text of the page. It is as wide as its
smallest label needs; where a page is narrower, it scrolls.
"""

import html
import re
from collections.abc import Mapping
from typing import Any

from synvae_workbench.plots.palette import IN_THE_DARK

SVG = "image/svg+xml"
LEAST_LABEL = 11.0  # CSS pixels
PIXELS = 96 / 72  # CSS pixels of a point, which is the unit of a figure
_LABEL = re.compile(r'<svg[^>]*\saria-label="([^"]*)"')
_WIDTH = re.compile(r'<svg[^>]*\swidth="([\d.]+)pt"')
_FONT = re.compile(r"font(?:-size)?:[^;\"]*?([\d.]+)px")
_OPENING = re.compile(r"<svg[^>]*>")


def alternative(output: Mapping[str, Any], heading: str) -> str:
    """Text alternative of a figure: what it says of itself, or else where it stands."""
    label = _LABEL.match(output.get("data", {}).get(SVG, ""))
    return html.unescape(label[1]) if label else f"Figure of the section “{heading}”"


def legible_width(svg: str) -> int | None:
    """Width of a figure in CSS pixels at which its smallest label has `LEAST_LABEL` of them.

    Never less than its own width; None where that is not known.
    """
    width = _WIDTH.match(svg)
    if not width:
        return None
    smallest = min(map(float, _FONT.findall(svg)), default=LEAST_LABEL)
    scale = max(PIXELS, LEAST_LABEL / smallest if smallest else PIXELS)
    return round(float(width[1]) * scale)


def in_both_schemes(svg: str) -> str:
    """A figure whose ground, text and lines are those of a dark page where the reader wants one.

    Pictures, piano rolls and the cells of heat maps stay as they are.
    """
    rules = "".join(
        f'{element}[style*="{property}: {light}"]{{{property}:{dark}!important}}'
        for light, dark in IN_THE_DARK.items()
        for property in ("fill", "stroke")
        # white text stands on dark cells
        for element in (["path"] if light == "#ffffff" else [""])
    )
    style = f"<style>@media screen and (prefers-color-scheme:dark){{{rules}}}</style>"
    return _OPENING.sub(lambda tag: tag[0] + style, svg, count=1)
