"""Pages about several runs: the index of a sweep, and two runs side by side.

Each is one file that fetches nothing, in the look of the reports of single runs.
"""

import base64
import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from matplotlib.figure import Figure

from synvae_core.atomic import make_folder, write_text
from synvae_workbench.reports.figures import SVG, in_both_schemes
from synvae_workbench.reports.formatting import format_duration, format_figure

TEMPLATES = Path(__file__).parent / "template"


def write_page(path: Path, template: str, **content: Any) -> Path:
    """Fills a template, in which all text is text, and replaces the file at once."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "figure": format_figure,
        "duration": format_duration,
        "breakable": breakable,
    }
    page = environment.get_template(template).render(content)
    make_folder(path.parent)
    # Half of a surrogate pair is text in JSON, and in no file.
    write_text(path, page.encode("utf-8", "replace").decode())
    return path


def breakable(name: str) -> Markup:
    """Marks a long name to be broken after its underscores and slashes, and nowhere else."""
    return Markup("<wbr>").join(escape(part) for part in re.split(r"(?<=[_/])", name))


def figure_uri(drawn: Figure) -> str:
    """A figure as an image's address, its text sharp at any size, dark where the page is."""
    return data_uri(SVG, in_both_schemes(drawn._repr_svg_()))


def data_uri(kind: str, data: str) -> str:
    """The address of an output as notebooks hold it: SVG as text, all else in base64."""
    if kind == SVG:
        data = base64.b64encode(data.encode()).decode("ascii")
    return f"data:{kind};base64,{''.join(data.split())}"
