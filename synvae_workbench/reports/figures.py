"""Figures of executed notebooks as reports show them."""

import html
import re
from collections.abc import Mapping
from typing import Any

SVG = "image/svg+xml"
_LABEL = re.compile(r'<svg[^>]*\saria-label="([^"]*)"')


def alternative(output: Mapping[str, Any], heading: str) -> str:
    """Text alternative of a figure: what it says of itself, or else where it stands."""
    label = _LABEL.match(output.get("data", {}).get(SVG, ""))
    return html.unescape(label[1]) if label else f"Figure of the section “{heading}”"
