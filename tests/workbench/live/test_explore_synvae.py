import asyncio
import dataclasses
import io
import json

import numpy as np
import pytest
import torch
from melody_models import HIERARCHICAL
from PIL import Image
from spoken_models import small_synvae

from synvae_core.models.melody.configurations import load_melody_model
from synvae_core.models.melody.vae import MelodyVae
from synvae_core.models.storage import PRETRAINED, save_model
from synvae_core.models.synvae import SynVae, SynVaeConfig
from synvae_core.models.visual import visual_config
from synvae_core.music.accompaniment import STYLES, Accompaniment
from synvae_core.music.melody import ONE_VOICE
from synvae_core.music.sound import PIANO, Sound
from synvae_core.music.soundfonts import PACKAGED, found
from synvae_workbench.evaluation.sliders import REACH
from synvae_workbench.evaluation.translation import translate
from synvae_workbench.live.draw import SIDE
from synvae_workbench.live.explore_synvae import SHELF, SynVaePage
from synvae_workbench.live.explore_synvae_state import (
    ACCOMPANIMENTS,
    ALIKE,
    by_ear,
    describe_page,
    first_state,
    requested_state,
)
from synvae_workbench.live.explorer import POSITIONS, Explorer
from synvae_workbench.live.lengths import Choice
from synvae_workbench.live.messages import BROKEN

torch.manual_seed(0)
IMAGES = (255 * torch.rand(20, 1, 28, 28)).to(torch.uint8)
SOUND = {"kind": "sound", "qpm": 120, "program": 0, "temperature": 0, "style": "", "font": PACKAGED}
CAPTIONS = [f"{i % 3}, picture {i}" for i in range(20)]


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory):
    """A cache of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SYNVAE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def explorer_of(channels=1, size=28):
    images = (255 * torch.rand(20, channels, size, size)).to(torch.uint8)
    return Explorer(small_synvae(size), images, CAPTIONS)


@pytest.fixture(scope="module")
def explorer(cache):
    music = load_melody_model(PRETRAINED / "melody_2bar")
    visual = visual_config(28, latent_dim=music.config.latent_dim)
    torch.manual_seed(0)
    return Explorer(SynVae(SynVaeConfig(visual), music).eval(), IMAGES, CAPTIONS)


@pytest.fixture
def page(explorer):
    """A page whose messages, and those of its player, are kept in `sent` and `played`."""
    made = SynVaePage(explorer)
    made.sent, made.played = [], []
    made.send = lambda content, buffers=(): made.sent.append((content, list(buffers)))
    made.player.send = lambda content, buffers=(): made.played.append(content)
    yield made
    made.player.close()
    made.close()


def ask(page, content, *buffers):
    page._handle_custom_msg(content, list(buffers))
    return page.sent[-1][0] if hasattr(page, "sent") else None


def png(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


# --- the pure part


def test_a_picture_is_heard_and_drawn_as_everywhere(explorer):
    found = translate(explorer.model, IMAGES[:3])
    for i in range(3):
        heard = explorer.play(explorer.encode(IMAGES[i].numpy()))
        assert np.array_equal(heard.events, found.heard[i])
        assert np.array_equal(heard.events, ONE_VOICE.canonical(heard.events))
        assert torch.allclose(heard.auditive, found.auditive[i], atol=1e-5)
        assert np.abs(heard.rebuilt / 255 - found.rebuilt[i].numpy()).max() < 0.01


@pytest.mark.parametrize(("channels", "size"), [(1, 28), (3, 32), (3, 64)])
def test_grey_and_coloured_pictures_of_every_size_can_be_explored(channels, size):
    explorer = explorer_of(channels, size)
    assert explorer.shape == (channels, size, size)
    heard = explorer.play(explorer.encode(explorer.images[0]))
    assert heard.rebuilt.shape == explorer.shape
    assert heard.rebuilt.dtype == np.uint8


def test_a_temperature_varies_the_melody_by_its_seed(explorer):
    z = explorer.encode(explorer.images[0])
    first, second = (explorer.play(z, temperature=1.0, seed=seed) for seed in (1, 2))
    again = explorer.play(z, temperature=1.0, seed=1)
    assert np.array_equal(first.events, again.events)
    assert not np.array_equal(first.events, second.events)


def test_the_way_begins_and_ends_at_its_pictures(explorer):
    first, second = (explorer.encode(image) for image in explorer.images[:2])
    assert torch.allclose(explorer.interpolate(first, second, 0), first, atol=1e-4)
    assert torch.allclose(explorer.interpolate(first, second, POSITIONS - 1), second, atol=1e-4)


def test_moving_a_slider_moves_no_other_and_not_the_point_itself(explorer):
    z = explorer.encode(explorer.images[0])
    before = z.clone()
    moved = explorer.with_values(z, {2: 2.5, 0: -1.0})
    expected = [float(each.value(z)) for each in explorer.sliders]
    expected[0], expected[2] = -1.0, 2.5
    assert [float(each.value(moved)) for each in explorer.sliders] == pytest.approx(
        expected, abs=1e-4
    )
    assert torch.equal(z, before)


def test_near_by_latents_are_the_nearest_to_the_latents_of_what_is_heard(explorer):
    target = explorer.means[7]
    assert explorer.nearest(target, k=3)[0] == 7
    found = explorer.nearest(target, k=3, without=7)
    distance = (explorer.means - target).norm(dim=1)
    assert found == distance.argsort()[1:4].tolist()
    assert len(explorer.nearest(target, k=99)) == 20


def test_ink_on_paper_becomes_what_the_model_knows():
    dark = np.zeros((20, 1, 28, 28), np.uint8)
    dark[:, :, 8:20, 8:20] = np.random.default_rng(0).integers(0, 256, (20, 1, 12, 12))
    explorer = Explorer(small_synvae(), torch.from_numpy(dark), CAPTIONS)
    assert np.array_equal(explorer.match_polarity(255 - dark[3]), dark[3])
    assert np.array_equal(explorer.match_polarity(dark[3]), dark[3])
    white = np.full((3, 64, 64), 255, np.uint8)
    assert np.array_equal(explorer_of(3, 64).match_polarity(white), white)


def test_pictures_of_another_size_are_refused():
    with pytest.raises(ValueError, match=r"wants pictures of \(3, 32, 32\)"):
        Explorer(small_synvae(32), IMAGES, CAPTIONS)
    with pytest.raises(ValueError, match="1 captions"):
        Explorer(small_synvae(), IMAGES, CAPTIONS[:1])


# --- what the page asks for


def test_wishes_become_states(explorer):
    state = first_state(explorer)
    assert (state.index, state.other_name) == (0, CAPTIONS[1])
    slide = {"kind": "slide", "slider": 0, "value": 1}
    state = requested_state(state, slide, [], explorer)
    state = requested_state(state, slide | {"slider": 1}, [], explorer)
    assert len(state.changes) == 2, "a move of one slider does not undo that of another"
    assert requested_state(state, {"kind": "reset"}, [], explorer).changes == {}
    on_way = requested_state(state, {"kind": "way", "position": 5}, [], explorer)
    assert (on_way.position, on_way.changes) == (5, {})
    chosen = requested_state(on_way, {"kind": "choose", "index": 3}, [], explorer)
    assert (chosen.name, chosen.index, chosen.position) == (CAPTIONS[3], 3, 0)
    turned = requested_state(chosen, {"kind": "other"}, [], explorer)
    assert turned.other_name == CAPTIONS[3]
    sound = SOUND | {"qpm": 90, "program": 40, "temperature": 0.5, "style": "fiddle"}
    state = requested_state(turned, sound, [], explorer)
    assert (state.qpm, state.program, state.temperature) == (90, 40, 0.5)
    assert state.sound == Sound(90, 40, accompaniment=Accompaniment("fiddle"))
    assert requested_state(state, SOUND, [], explorer).sound == PIANO
    assert requested_state(state, {"kind": "again"}, [], explorer).seed == 1


def test_numbers_are_kept_within_their_bounds(explorer):
    sound = SOUND | {"qpm": 1e9, "temperature": -5}
    state = requested_state(first_state(explorer), sound, [], explorer)
    assert (state.qpm, state.temperature) == (240, 0)
    slide = {"kind": "slide", "slider": 3, "value": -1e9}
    assert requested_state(state, slide, [], explorer).changes == {3: -REACH}


def test_an_upload_is_cropped_and_named(explorer):
    picture = np.random.default_rng(0).integers(0, 256, (60, 90, 3), np.uint8)
    message = {"kind": "upload", "name": "../<b>mine</b>.png"}
    state = requested_state(first_state(explorer), message, [memoryview(png(picture))], explorer)
    assert state.picture.shape == (1, 28, 28)
    assert (state.name, state.index) == ("../<b>mine</b>.png", None)


def test_a_drawing_becomes_a_digit(explorer):
    field = np.zeros((SIDE, SIDE), np.uint8)
    field[20:80, 50:60] = 255
    state = requested_state(first_state(explorer), {"kind": "draw"}, [field.tobytes()], explorer)
    assert state.name == "Your drawing"
    assert state.picture.max() == 255
    assert state.picture[0, :4].max() == 0


FOREIGN = [
    SOUND | {"style": "loud"},
    SOUND | {"font": "/etc/passwd"},
    {"kind": "sound"},
    None,
    [],
    {},
    {"kind": "choose"},
    {"kind": "choose", "index": 20},
    {"kind": "choose", "index": -1},
    {"kind": "choose", "index": "0"},
    {"kind": "slide", "slider": 7, "value": 0.0},
    {"kind": "slide", "slider": -1, "value": 0.0},
    {"kind": "slide", "slider": "higher", "value": 0.0},
    {"kind": "way", "position": POSITIONS},
    {"kind": "way", "position": 0.5},
    SOUND | {"qpm": "fast", "program": 0, "temperature": 0},
    SOUND | {"qpm": float("nan"), "program": 0, "temperature": 0},
    SOUND | {"qpm": 100, "program": 128, "temperature": 0},
    SOUND | {"qpm": 100, "program": 0, "temperature": True},
    {"kind": "upload", "name": "x.png"},
    {"kind": "upload", "name": 7},
    {"kind": "draw"},
]


@pytest.mark.parametrize("content", FOREIGN, ids=str)
def test_what_no_page_of_ours_sends_is_refused(explorer, content):
    with pytest.raises(ValueError, match="something that it should not"):
        requested_state(first_state(explorer), content, [], explorer)


def test_values_that_are_no_numbers_are_refused(explorer):
    for value in (None, "1", [1], float("inf"), True):
        slide = {"kind": "slide", "slider": 0, "value": value}
        with pytest.raises(ValueError, match="something that it should not"):
            requested_state(first_state(explorer), slide, [], explorer)


def test_a_field_of_another_size_and_one_for_colours_are_refused(explorer):
    with pytest.raises(ValueError, match="something that it should not"):
        requested_state(first_state(explorer), {"kind": "draw"}, [bytes(7)], explorer)
    coloured = explorer_of(3, 32)
    with pytest.raises(ValueError, match="something that it should not"):
        requested_state(first_state(coloured), {"kind": "draw"}, [b"\xff" * SIDE**2], coloured)


def test_what_is_heard_is_said_in_words(explorer):
    state = first_state(explorer)
    assert state.caption == CAPTIONS[0]
    assert state._replace(changes={1: 0.0}).caption == f"{CAPTIONS[0]}, changed"
    way = state._replace(position=5, temperature=0.5)
    assert way.caption == f"25 % from {CAPTIONS[0]} to {CAPTIONS[1]}, at temperature 0.5"
    assert state._replace(whole=True).caption == f"From {CAPTIONS[0]} to {CAPTIONS[1]}"


# --- the page


def test_the_page_opens_silently_with_the_first_picture(explorer, page):
    shown = ask(page, {"kind": "ready"})
    (shown, buffers), (shelf, thumbs) = page.sent
    assert (shown["kind"], shown["name"], shown["index"]) == ("shown", CAPTIONS[0], 0)
    assert buffers[0] == IMAGES[0].numpy().tobytes()
    assert len(buffers[1]) == len(buffers[2]) == 28 * 28
    assert len(buffers[3]) == ALIKE * 28 * 28
    assert [index for index, _ in shelf["pictures"]] == [*range(SHELF)]
    assert len(thumbs[0]) == SHELF * 28 * 28
    assert page.player._shown is not None
    assert not page.played


def test_pictures_that_sound_alike_are_shown_once_all_were_listened_to(cache):
    explorer = Explorer(small_synvae(), IMAGES, CAPTIONS)
    heard = explorer.play(explorer.encode(explorer.images[4]))
    assert by_ear(explorer, heard.events, 4) == ({"heard": 0, "of": 20, "pictures": []}, b"")

    async def open_page():
        page, sent = SynVaePage(explorer), []
        page.send = lambda content, buffers=(): sent.append((content, list(buffers)))
        page._handle_custom_msg({"kind": "ready"}, [])
        assert explorer.melodies.heard == 0, "the first sound does not wait for it"
        await page._listening
        page._handle_custom_msg({"kind": "choose", "index": 4}, [])
        while page._answer.busy:
            await asyncio.sleep(0.01)
        return sent

    sent = asyncio.run(open_page())
    told = [content["by_ear"]["heard"] for content, _ in sent if content["kind"] == "by ear"]
    assert told == [4, 8, 12, 16, 20]
    shown, buffers = sent[-1]
    indices = [index for index, _ in shown["by_ear"]["pictures"]]
    assert indices == explorer.melodies.nearest(heard.events, k=ALIKE, without=4)
    assert 4 not in indices
    assert buffers[4] == IMAGES[indices].numpy().tobytes()
    json.dumps(shown)


def test_choosing_a_picture_plays_it(explorer, page):
    shown = ask(page, {"kind": "choose", "index": 4})
    assert shown["said"] == f"{CAPTIONS[4]} plays."
    assert 4 not in [index for index, _ in shown["by_latents"]]
    (played,) = page.played
    assert (played["label"], played["play"]) == (CAPTIONS[4], True)
    json.dumps(shown)


def test_a_slider_decodes_its_own_z(explorer, page):
    shown = ask(page, {"kind": "slide", "slider": 1, "value": 2.5})
    assert shown["values"][1] == pytest.approx(2.5, abs=1e-4)
    assert shown["changed"] == [1]
    here = explorer.encode(explorer.images[0])
    z = explorer.with_values(here, {1: 2.5})
    assert page.sent[-1][1][1] == explorer.play(z).rebuilt.tobytes()
    shown = ask(page, {"kind": "reset"})
    assert shown["values"][1] == pytest.approx(explorer.sliders[1].value(here).item(), abs=1e-4)


def test_the_end_of_the_way_is_the_other_picture(explorer, page):
    ask(page, {"kind": "way", "position": POSITIONS - 1})
    z = explorer.interpolate(
        *(explorer.encode(image) for image in explorer.images[:2]), POSITIONS - 1
    )
    assert page.sent[-1][1][1] == explorer.play(z).rebuilt.tobytes()
    ask(page, {"kind": "whole"})
    assert page.played[-1]["steps"] == 5 * explorer.model.music.config.steps
    ask(page, {"kind": "way", "position": 2})
    assert page.played[-1]["steps"] == explorer.model.music.config.steps


@pytest.fixture(scope="module")
def eight_bars(explorer, tmp_path_factory):
    """The folder of an untrained SynVAE that plays eight bars."""
    music = MelodyVae(dataclasses.replace(HIERARCHICAL, steps=128))
    visual = visual_config(28, latent_dim=HIERARCHICAL.latent_dim)
    save_model(SynVae(SynVaeConfig(visual), music), folder := tmp_path_factory.mktemp("long"))
    return folder


def test_another_length_is_chosen_and_back(explorer, eight_bars, tmp_path):
    choices = [Choice("long", 128, eight_bars), Choice("gone", 256, tmp_path)]
    page, sent, played = SynVaePage(explorer, others=choices), [], []
    page.send = lambda content, buffers=(): sent.append(content)
    page.player.send = lambda content, buffers=(): played.append(content)
    assert page.page["lengths"] == ["2 bars", "8 bars, long", "16 bars, gone"]
    ask(page, {"kind": "slide", "slider": 6, "value": 1})
    ask(page, {"kind": "choose", "index": 4})
    ask(page, {"kind": "length", "number": 1})
    assert (sent[-1]["name"], sent[-1]["model"]) == (CAPTIONS[4], 1)
    assert played[-1]["steps"] == 128
    assert len(page.page["sliders"]) == len(sent[-1]["values"])
    ask(page, {"kind": "length", "number": 2})
    assert sent[-1]["said"].startswith("Not used: ")
    ask(page, {"kind": "choose", "index": 5})
    assert (sent[-1]["model"], played[-1]["steps"]) == (1, 128), "the page goes on"
    ask(page, {"kind": "length", "number": 0})
    assert (sent[-1]["model"], played[-1]["steps"]) == (0, 32)
    z = explorer.encode(explorer.images[5])
    assert [tuple(note) for note in played[-1]["notes"]] == [
        note[:3] for note in ONE_VOICE.notes(explorer.play(z).events)
    ]
    ask(page, {"kind": "length", "number": 3})
    assert "something that it should not" in sent[-1]["said"]


def test_every_style_of_accompaniment_is_offered_and_plays(page):
    assert set(ACCOMPANIMENTS) == {"", *STYLES}
    for style in STYLES:
        ask(page, SOUND | {"style": style})
        assert page.played[-1]["play"]
        assert page.player._shown.midi.count(b"MTrk") == 3


def test_another_sound_font_plays_and_a_broken_one_is_refused(page, tmp_path, monkeypatch):
    packaged = found()[PACKAGED]
    (tmp_path / "Same.sf2").write_bytes(packaged.read_bytes())
    (tmp_path / "Broken.sf2").write_bytes(b"RIFF")
    monkeypatch.setenv("SYNVAE_SOUNDFONTS", str(tmp_path))
    ask(page, SOUND | {"font": "Same"})
    assert page._state.font == "Same"
    assert page.played[-1]["play"]
    said = ask(page, SOUND | {"font": "Broken"})
    assert said["said"].startswith("Not used: ")
    assert page._state.font == "Same"


def test_the_shelf_goes_round(page):
    shelf = ask(page, {"kind": "shelf", "number": 1})
    assert [index for index, _ in shelf["pictures"]] == [*range(12, 20), *range(4)]


def test_a_refusal_is_said_and_the_page_goes_on(page):
    said = ask(page, {"kind": "upload", "name": "evil.png"}, b"\x89PNG" + bytes(99))
    assert said["said"].startswith("Not used: evil.png")
    assert not page.played
    assert ask(page, {"kind": "choose", "index": 1})["kind"] == "shown"


def test_a_fault_is_said_and_logged(page, monkeypatch, caplog):
    monkeypatch.setattr(page, "_point", lambda pixels: 1 / 0)
    said = ask(page, {"kind": "choose", "index": 9})
    assert said == {"kind": "said", "said": BROKEN}


def test_sliders_say_what_they_do(explorer):
    page = describe_page(explorer, first_state(explorer), ["2 bars"])
    sliders = page["sliders"]
    assert len(sliders) == len(explorer.sliders) == 7
    assert len({each["more"] for each in sliders} | {each["less"] for each in sliders}) == 14
    assert sliders[0]["does"].startswith("All notes move up: +")
    assert sliders[0]["does"].endswith(" semitones on average, in 100% of the pictures.")
    assert sum(len(instruments) for _, instruments in page["instruments"]) == 128
    json.dumps(page)


def test_no_picture_is_in_the_state_that_a_notebook_saves(page):
    before = json.dumps(page.get_state(), default=str)
    ask(page, {"kind": "upload", "name": "secret.png"}, png(np.zeros((40, 40), np.uint8)))
    assert json.dumps(page.get_state(), default=str) == before
