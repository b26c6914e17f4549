"""The scripts and styles of live pages, each with what all of them begin with."""

from pathlib import Path

HERE = Path(__file__).parent


def joined(*names: str) -> str:
    """The files of those names in one text, after `common.js` or `common.css`."""
    common = f"common{Path(names[0]).suffix}"
    return "\n".join((HERE / name).read_text() for name in (common, *names))
