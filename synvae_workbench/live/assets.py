"""Scripts and styles of live pages, and data as addresses that need no network."""

import base64
from pathlib import Path

HERE = Path(__file__).parent


def read_assets(*names: str) -> str:
    """Concatenates `common.js` or `common.css` and the files of those names."""
    common = f"common{Path(names[0]).suffix}"
    return "\n".join((HERE / name).read_text(encoding="utf-8") for name in (common, *names))


def data_uri(media_type: str, data: bytes) -> str:
    """Bytes as a base64 `data:` address."""
    return f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}"
