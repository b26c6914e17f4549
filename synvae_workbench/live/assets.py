"""The scripts and styles of live pages, each with what all of them begin with."""

import base64
from pathlib import Path

HERE = Path(__file__).parent


def read_assets(*names: str) -> str:
    """The files of those names in one text, after `common.js` or `common.css`."""
    common = f"common{Path(names[0]).suffix}"
    return "\n".join((HERE / name).read_text() for name in (common, *names))


def data_uri(media_type: str, data: bytes) -> str:
    """Bytes as an address that needs no network."""
    return f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}"
