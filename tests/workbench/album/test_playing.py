"""Files of pictures: the same for the same picture, and as the options ask for."""

import numpy as np
import pytest
import torch
from picture_files import encode_picture, smooth_picture
from PIL import Image

from synvae_core.looks import Look
from synvae_core.models.storage import PRETRAINED
from synvae_core.models.synvae import load_synvae
from synvae_core.music.midi_files import parse_midi
from synvae_core.music.performance import read_performed
from synvae_core.music.sound import Sound
from synvae_workbench.album.playing import BATCH, Listener, Playing, Source, model_place
from synvae_workbench.evaluation.translation import translate
from synvae_workbench.live.performed import as_performed
from synvae_workbench.live.pictures import uploaded


def content(seed, *, size=(40, 36)):
    return encode_picture(smooth_picture(*size, seed=seed), "PNG")


def made(listener, *contents):
    found = list(listener.make(map(Source, range(len(contents)), contents)))
    return [each.files for each in sorted(found, key=lambda each: each.key)]


@pytest.mark.parametrize("place", [0, BATCH - 1, BATCH + 2])
def test_a_picture_has_the_same_files_in_any_company_and_any_place(listener, place):
    others = [content(seed) for seed in range(1, BATCH + 3)]
    (alone,) = made(listener, content(0))
    among = made(listener, *others[:place], content(0), *others[place:])
    assert among[place] == alone
    assert len({each[".mid"] for each in among}) > 3


def test_a_picture_has_the_same_files_however_many_threads_there_are(listener, monkeypatch):
    contents = [content(seed) for seed in range(5)]
    expected, before = made(listener, *contents), torch.get_num_threads()
    try:
        torch.set_num_threads(before + 1)
        assert made(listener, *contents) == expected
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)


def test_notes_of_a_temperature_depend_on_the_seed_alone(model):
    first, again, other = (
        made(Listener(Playing(model=model, temperature=1.5, seed=seed)), *contents)
        for seed, contents in (
            (1, [content(0), content(1)]),
            (1, [content(1), content(0)]),
            (2, [content(0), content(1)]),
        )
    )
    assert first == again[::-1]
    assert first != other


def test_a_melody_is_performed_as_its_picture_looks_unless_it_is_told_otherwise(model, listener):
    (found,) = listener.make([Source(0, content(3))])
    _, look = read_performed(found.files[".mid"])
    assert list(look) == found.facts["look"]
    (told,) = Listener(Playing(model=model, instrument=40, tempo=90)).make([Source(0, content(3))])
    (track,) = parse_midi(told.files[".mid"]).tracks
    assert told.facts["look"] is None
    assert {program for _, _, program in track.programs} == {40}
    assert [round(60e6 / tempo) for _, tempo in track.tempos] == [90]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"also": ("wav", "flac")}, "expected formats of wav, mp3, ogg, musicxml, got flac"),
        ({"instrument": 128}, r"0\.\.127, got 128"),
        ({"tempo": 0.5}, r"4\.\.960 quarters"),
        ({"temperature": 2.0}, r"a temperature of 0\.\.1\.5"),
        ({"performance": True, "tempo": 90.0}, "leave these or the performance out"),
        ({"font": "no such font"}, "no sound font 'no such font'"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        Playing(**options)


def test_lengths_that_no_model_has_are_refused():
    with pytest.raises(ValueError, match="no model plays 5 bars: choose 2 or 8"):
        Listener(Playing(bars=5))


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (b"x", "is not in a picture format that Pillow reads"),
        (content(0)[:200], "cannot be read as a picture"),
        (encode_picture(smooth_picture(9, 9).convert("F"), "TIFF"), "floating-point pixels"),
    ],
)
def test_what_is_no_picture_has_its_reason_and_stops_no_other(listener, broken, reason):
    first, second = sorted(listener.make([Source(0, broken), Source(1, content(0))]))
    assert reason in first.reason and not first.files
    assert second.files and not second.reason


def test_a_model_is_stored_by_its_name_or_its_whole_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert model_place("synvae_mnist") == "synvae_mnist"
    assert model_place("runs/mine") == str(tmp_path / "runs" / "mine")
    assert model_place("") == ""


@pytest.mark.slow
def test_a_picture_is_seen_as_on_the_live_page_and_sounds_as_it_was_evaluated():
    photograph = encode_picture(smooth_picture(90, 70, seed=5), "JPEG", quality=95)
    (found,) = Listener(Playing(model="synvae_photos")).make([Source(0, photograph)])
    model = load_synvae(PRETRAINED / "synvae_photos")
    seen = uploaded("x.jpg", photograph).seen_by((3, 32, 32)).pixels
    translation = translate(model, torch.from_numpy(seen)[None])
    look = Look(*translation.looks[0].tolist())
    assert found.files[".mid"] == as_performed(Sound(), look).midi(translation.heard[0])
    assert Look(*found.facts["look"]) == look


@pytest.mark.slow
def test_pictures_are_played_by_the_model_for_their_kind():
    image = np.full((90, 90, 3), 255, np.uint8)
    image[20:70, 40:50] = 0
    digit = encode_picture(Image.fromarray(image), "PNG")
    listener = Listener(Playing())
    (found,) = listener.make([Source(0, digit)])
    assert (found.facts["kind"], found.facts["model"]) == ("digit", "synvae_mnist")
