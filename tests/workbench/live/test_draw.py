import numpy as np

from synvae_workbench.live.assets import HERE
from synvae_workbench.live.draw import SIDE, on_paper


def test_a_drawing_is_dark_on_white():
    field = np.zeros((SIDE, SIDE), np.uint8)
    field[3, 5] = 255
    shown = on_paper(field)
    assert shown.shape == (SIDE, SIDE, 3)
    assert shown[3, 5].tolist() == [0, 0, 0]
    assert shown.sum() == 255 * 3 * (SIDE**2 - 1)


def test_the_field_can_be_used_by_keyboard():
    code = (HERE / "draw.js").read_text(encoding="utf-8")
    for key in ("ArrowLeft", "ArrowDown", '" "', "Delete", "tabIndex", "aria-label"):
        assert key in code
