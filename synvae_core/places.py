"""Places of files: paths as people write them, and the shipped weights.

These lie inside the package in a wheel, and beside it in a checkout.
"""

import os
from pathlib import Path

_INSIDE, _BESIDE = (Path(__file__).parents[up] / "pretrained" for up in (0, 1))
PRETRAINED = _INSIDE if _INSIDE.is_dir() else _BESIDE
CONFIG_FILE = "config.json"  # of a model, in a folder of its own
WEIGHTS_FILE = "model.safetensors"


def whole_path(path: str | os.PathLike[str]) -> Path:
    """Absolute path, with the home folder for `~`: where a file is looked for, for messages too.

    Raises:
        ValueError: if no file can have such a path, as of a name with more than 255 letters.
    """
    folder, parts = Path.cwd(), Path(os.path.expanduser(path)).parts
    while parts[:1] == ("..",):  # leading ones alone: after a link they lead elsewhere
        folder, parts = folder.parent, parts[1:]
    whole = folder.joinpath(*parts)
    try:
        os.lstat(whole)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        pass  # for whoever opens it to say
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ValueError(f"{str(whole)[:200]!r} cannot be the path of a file: {reason}") from error
    return whole
