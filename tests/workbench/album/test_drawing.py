"""Pictures of tunes: those that the model draws of what it hears."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from synvae_core.looks import Look
from synvae_core.music.coding import Note
from synvae_core.music.melody import ONE_VOICE
from synvae_core.music.midi import midi_bytes
from synvae_core.music.performance import performance_of, read_performed
from synvae_workbench.album import draw
from synvae_workbench.album.drawing import Drawer, Drawing
from synvae_workbench.album.playing import Source


@pytest.fixture(scope="module")
def drawer(model):
    return Drawer(Drawing(model))


def scale(steps):
    return ONE_VOICE.events([Note(i, i + 1, 60 + i % 20) for i in range(steps)], steps=steps)


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png))).transpose(2, 0, 1)


def drawn(drawer, events, look=None):
    looks = None if look is None else torch.tensor([look])
    _, rebuilt = drawer.model(drawer.options.model).hear(torch.from_numpy(events)[None], looks)
    return (255 * rebuilt[0].clamp(0, 1)).round().to(torch.uint8).numpy()


@pytest.mark.parametrize("look", [None, Look(5, 0, 1, 2)])
def test_a_melody_is_drawn_as_the_model_hears_it(drawer, look):
    how = {} if look is None else performance_of(look)._asdict()
    tune = midi_bytes(scale(32), **how)
    (made,) = drawer.make([Source(0, tune)])
    assert (list(made.files), made.facts["windows"]) == ([".png"], 1)
    assert np.array_equal(pixels(made.files[".png"]), drawn(drawer, scale(32), look))


def test_a_long_tune_is_drawn_window_by_window(drawer):
    (made,) = drawer.make([Source(0, midi_bytes(scale(80)))])
    assert list(made.files) == [".003.png", ".002.png", ".001.png"]
    for number in range(3):
        window = ONE_VOICE.events(
            [
                Note(i % 32, i % 32 + 1, 60 + i % 20)
                for i in range(32 * number, min(32 * number + 32, 80))
            ],
            steps=32,
        )
        found = pixels(made.files[f".{number + 1:03d}.png"])
        assert np.array_equal(found, drawn(drawer, window))


def test_what_is_no_tune_has_its_reason_and_stops_no_other(drawer):
    silent = midi_bytes(ONE_VOICE.events([], steps=32))
    broken, empty, made = drawer.make(
        [Source(0, b"x"), Source(1, silent), Source(2, midi_bytes(scale(32)))]
    )
    assert broken.reason.startswith("is not a MIDI file")
    assert empty.reason.startswith("has no notes")
    assert made.files and not made.reason


def test_a_picture_that_was_played_comes_back_from_its_file(drawer, listener):
    from picture_files import encode_picture, smooth_picture

    content = encode_picture(smooth_picture(40, 36, seed=4), "PNG")
    (made,) = listener.make([Source(0, content)])
    tune = made.files[".mid"]
    events, look = read_performed(tune, steps=32)
    (back,) = drawer.make([Source(0, tune)])
    assert np.array_equal(pixels(back.files[".png"]), drawn(drawer, events, look))


def test_windows_of_an_earlier_tune_of_that_name_are_removed(model, tmp_path):
    tune, album = tmp_path / "tune.mid", tmp_path / "album"
    made = []
    for steps in (80, 32, 64):
        tune.write_bytes(midi_bytes(scale(steps)))
        draw([tune], to=album, model=model)
        made.append(sorted(path.name for path in album.glob("*.png")))
    three = [f"tune.{number:03d}.png" for number in (1, 2, 3)]
    assert made == [three, ["tune.png"], three[:2]]
