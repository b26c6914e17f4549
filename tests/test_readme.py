"""The lines of Python in the README do what stands above them."""

import re
from pathlib import Path

import numpy as np
from PIL import Image

import synvae_core as sv
from synvae_workbench.data.registry import load_pictures

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_a_digit_is_played_read_back_and_drawn(tmp_path, monkeypatch):
    (lines,) = re.findall(r"^```python\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    assert len([line for line in lines.splitlines() if line]) == 10
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(compile(lines, "README.md", "exec"), names)
    played = names["model"].listen(names["seven"])
    assert (sv.read_melodies("seven.mid", steps=32) == played.numpy()).all()

    picture = np.asarray(Image.open("seven.png").convert("L"), dtype=float) / 255
    assert picture.shape == (28, 56)
    before, after = picture[:, :28], picture[:, 28:]
    assert ((before - after) ** 2).sum() < 20  # the mean picture's is 53


def test_the_digit_is_one_that_the_weights_never_saw():
    (row,) = map(int, re.findall(r"mnist_data\(\)\[0\]\[(\d+)\]", README))
    test = load_pictures("mnist_5k").test  # left out of their training: see their card
    assert test.labels[test.ids.index(f"{row:05d}")] == 7
