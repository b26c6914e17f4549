"""What a report opens with: what was asked, the answer with its figure, and something to hear."""

import html

from IPython.display import HTML

# A notebook computes its answer last. The cell that carries this tag stands first in the report.
TAG = "opening"


def in_short(asked: str, answer: str, *more: str, shown: HTML | None = None) -> HTML:
    """The opening of a report, for anyone who meets it.

    Args:
        asked: the question of the notebook, its heading.
        answer: a sentence with the figure that answers it.
        more: further sentences, such as what the figure has to be compared with.
        shown: a picture or a player below them.

    Raises:
        ValueError: if the answer holds no figure.
    """
    if not any(character.isdigit() for character in answer):
        raise ValueError(f"an answer states the figure that it rests on, got {answer!r}")
    text = "".join(f"<p>{html.escape(sentence)}</p>" for sentence in more)
    return HTML(
        f'<div class="in-short"><h2>{html.escape(asked)}</h2>'
        f'<p style="font-size:1.25em;line-height:1.4"><strong>{html.escape(answer)}</strong></p>'
        f"{text}{shown.data if shown else ''}</div>"
    )
