"""What a report opens with: what was asked, the answer with its figure, and something to hear.

Sentences name their figures as `{where/metric:format}`. What a run did not measure, as its set is
small or a part of it was left out, is said in place of the sentence that needs it.
"""

import html
import math
from collections.abc import Mapping
from string import Formatter
from types import MappingProxyType
from typing import Any

from IPython.display import HTML
from matplotlib.figure import Figure

from synvae_workbench.declarations import MARK, current_parameters
from synvae_workbench.reports.figures import legible_width
from synvae_workbench.reports.pages import figure_uri

# A notebook computes its answer last. The cell that carries this tag stands first in the report.
TAG = "opening"
TOLD_FROM_TUNES = (
    "As music: classifiers tell the melodies from real tunes with an AUC of {notes/auc:.2f}; of "
    "other tunes it is {tunes/auc:.2f}, and 0.5 if nothing tells them apart."
)
BY_EAR = (
    "By ear, from the sound alone: a machine listener that heard four melodies each of three "
    "classes names {ear/spectrum_trios_accuracy:.0%} of others rightly; guessing, a third."
)
OF_SMOKE = "A smoke run: it shows that everything runs, and its figures mean nothing."


def in_short(
    asked: str,
    answer: str,
    *more: str,
    measured: Mapping[str, Any] = MappingProxyType({}),
    shown: HTML | Figure | None = None,
) -> HTML:
    """The opening of a report, for anyone who meets it.

    Args:
        asked: the question of the notebook, its heading.
        answer: a sentence with the figure that answers it.
        more: further sentences, such as what the figure has to be compared with; empty ones are
            left out.
        measured: the figures that sentences name.
        shown: a picture or a player below them.

    Raises:
        ValueError: if the answer holds no figure, and names none.
    """
    lacking: dict[str, None] = {}
    said = _said(answer, measured, lacking)
    if said and not any(character.isdigit() for character in said):
        raise ValueError(f"an answer states the figure that it rests on, got {answer!r}")
    said = said or "This run did not measure what would answer it."
    sentences = [_said(each, measured, lacking) for each in more]
    if lacking:
        names = ", ".join(name.replace("/", ": ").replace("_", " ") for name in lacking)
        sentences.append(f"Not measured here, as there is too little or it was left out: {names}.")
    if current_parameters().get(MARK):
        sentences.insert(0, OF_SMOKE)
    text = "".join(f"<p>{html.escape(sentence)}</p>" for sentence in sentences if sentence)
    return HTML(
        f'<div class="in-short"><h2>{html.escape(asked)}</h2>'
        f'<p style="font-size:1.25em;line-height:1.4"><strong>{html.escape(said)}</strong></p>'
        f"{text}{_shown(shown)}</div>"
    )


def share_kept(error: float, floor: float) -> float:
    """Explained variance: 1 less the squared error as a share of that of the mean picture.

    1 is perfect, 0 no better than the mean picture; NaN where all pictures are the mean picture.
    """
    return 1 - error / floor if floor > 0 else math.nan


def drawn_from_notes(measured: Mapping[str, float]) -> tuple[str, str]:
    """How well pictures come back from their notes, and what that has to be compared with.

    Digits are read by a classifier; of other pictures, the share of what sets them apart.
    """
    if "notes/cnn_agreement" in measured:
        return (
            "{notes/cnn_agreement:.1%} of the digits that the model never saw are still read "
            "rightly, by a classifier, when they are drawn from their notes alone.",
            "Of the digits themselves it reads {judge/accuracy:.1%}; a guess is right in 10 %.",
        )
    return (
        "Of what sets a picture that the model never saw apart from the average picture, "
        "{notes/share_kept:.0%} comes back from its notes alone.",
        "100 % would be the picture itself, 0 % the average picture: squared error "
        "{notes/squared_error:.1f} against {floor/squared_error:.1f}.",
    )


def _said(sentence: str, measured: Mapping[str, Any], lacking: dict[str, None]) -> str:
    """A sentence with its figures; empty if one is missing, whose name joins those lacking."""
    names = [name for _, name, _, _ in Formatter().parse(sentence) if name]
    missing = [name for name in names if not _is_known(measured.get(name))]
    lacking |= dict.fromkeys(missing)
    return "" if missing else sentence.format_map(measured)


def _is_known(value: Any) -> bool:
    return value is not None and (isinstance(value, str) or math.isfinite(value))


def _shown(shown: HTML | Figure | None) -> str:
    if isinstance(shown, Figure):
        alt, width = html.escape(shown.alternative), legible_width(shown._repr_svg_())
        image = f'<img alt="{alt}" width="{width}" src="{figure_uri(shown)}">'
        return f'<figure class="picture drawn">{image}</figure>'
    return shown.data if shown is not None else ""
