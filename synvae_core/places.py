"""Place of the shipped weights: inside the package in a wheel, beside it in a checkout."""

from pathlib import Path

_INSIDE, _BESIDE = (Path(__file__).parents[up] / "pretrained" for up in (0, 1))
PRETRAINED = _INSIDE if _INSIDE.is_dir() else _BESIDE
