import asyncio
import dataclasses
import io
import json
import re

import numpy as np
import pytest
import torch
from melody_models import HIERARCHICAL
from photographed_digits import Scene
from photographed_digits import photograph as taken
from PIL import Image
from spoken_models import small_synvae

from synvae_core.looks import Look
from synvae_core.models.melody.configurations import load_melody_model
from synvae_core.models.melody.vae import MelodyVae
from synvae_core.models.storage import PRETRAINED, save_model
from synvae_core.models.synvae import SynVae, SynVaeConfig
from synvae_core.models.visual import visual_config
from synvae_core.music.accompaniment import STYLES, Accompaniment
from synvae_core.music.melody import ONE_VOICE
from synvae_core.music.performance import read_performed
from synvae_core.music.sound import PIANO, Sound
from synvae_core.music.soundfonts import PACKAGED, found
from synvae_workbench.data.pictures.example_photographs import example_photographs
from synvae_workbench.data.registry import load_pictures
from synvae_workbench.evaluation.sliders import REACH
from synvae_workbench.evaluation.translation import translate
from synvae_workbench.live.draw import SIDE
from synvae_workbench.live.explore_synvae import SynVaePage
from synvae_workbench.live.explore_synvae_messages import ALIKE, SHELF, by_ear, describe_page
from synvae_workbench.live.explore_synvae_state import (
    ACCOMPANIMENTS,
    first_state,
    requested_state,
)
from synvae_workbench.live.explorer import POSITIONS, Explorer
from synvae_workbench.live.explorers import Explorers
from synvae_workbench.live.messages import BROKEN
from synvae_workbench.live.models import Choice
from synvae_workbench.live.read_aloud import describe_melody_change

torch.manual_seed(0)
IMAGES = (255 * torch.rand(20, 1, 28, 28)).to(torch.uint8)
SOUND = {
    "kind": "sound",
    "qpm": 120,
    "program": 0,
    "temperature": 0,
    "style": "",
    "font": PACKAGED,
    "performed": False,
}
CHOOSE = {"kind": "choose", "of": "digit", "index": 0}
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


@pytest.fixture(scope="module")
def explorers(explorer):
    return Explorers(explorer)


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


def test_pictures_of_another_size_are_refused():
    with pytest.raises(ValueError, match=r"wants pictures of \(3, 32, 32\)"):
        Explorer(small_synvae(32), IMAGES, CAPTIONS)
    with pytest.raises(ValueError, match="1 captions"):
        Explorer(small_synvae(), IMAGES, CAPTIONS[:1])


# --- what the page asks for


def test_wishes_become_states(explorers):
    state = first_state(explorers)
    assert (state.picture.place, state.other.name) == (("digit", 0), CAPTIONS[1])
    slide = {"kind": "slide", "slider": 0, "value": 1}
    state = requested_state(state, slide, [], explorers)
    state = requested_state(state, slide | {"slider": 1}, [], explorers)
    assert len(state.changes) == 2, "a move of one slider does not undo that of another"
    assert requested_state(state, {"kind": "reset"}, [], explorers).changes == {}
    on_way = requested_state(state, {"kind": "way", "position": 5}, [], explorers)
    assert (on_way.position, on_way.changes) == (5, {})
    chosen = requested_state(on_way, CHOOSE | {"index": 3}, [], explorers)
    assert (chosen.picture.name, chosen.known("digit"), chosen.position) == (CAPTIONS[3], 3, 0)
    turned = requested_state(chosen, {"kind": "other"}, [], explorers)
    assert turned.other.name == CAPTIONS[3]
    sound = SOUND | {"qpm": 90, "program": 40, "temperature": 0.5, "style": "fiddle"}
    state = requested_state(turned, sound, [], explorers)
    assert (state.qpm, state.program, state.temperature) == (90, 40, 0.5)
    assert state.sound == Sound(90, 40, accompaniment=Accompaniment("fiddle"))
    assert requested_state(state, SOUND, [], explorers).sound == PIANO
    assert requested_state(state, {"kind": "again"}, [], explorers).seed == 1


def test_numbers_are_kept_within_their_bounds(explorers):
    sound = SOUND | {"qpm": 1e9, "temperature": -5}
    state = requested_state(first_state(explorers), sound, [], explorers)
    assert (state.qpm, state.temperature) == (240, 0)
    slide = {"kind": "slide", "slider": 3, "value": -1e9}
    assert requested_state(state, slide, [], explorers).changes == {3: -REACH}


def test_an_upload_is_kept_as_it_is_and_named(explorers):
    pixels = np.random.default_rng(0).integers(0, 256, (60, 90, 3), np.uint8)
    message = {"kind": "upload", "name": "../<b>mine</b>.png"}
    state = requested_state(first_state(explorers), message, [memoryview(png(pixels))], explorers)
    assert np.array_equal(state.picture.original, pixels.transpose(2, 0, 1))
    assert state.picture.seen_by((1, 28, 28)).pixels.shape == (1, 28, 28)
    assert (state.picture.name, state.picture.place) == ("../<b>mine</b>.png", None)


def test_a_drawing_becomes_a_digit(explorers):
    field = np.zeros((SIDE, SIDE), np.uint8)
    field[20:80, 50:60] = 255
    state = requested_state(first_state(explorers), {"kind": "draw"}, [field.tobytes()], explorers)
    assert state.picture.name == "Your drawing"
    seen = state.picture.seen_by((1, 28, 28)).pixels
    assert seen.max() == 255
    assert seen[0, :4].max() == 0


FOREIGN = [
    SOUND | {"style": "loud"},
    SOUND | {"font": "/etc/passwd"},
    {"kind": "sound"},
    None,
    [],
    {},
    {"kind": "choose"},
    CHOOSE | {"index": 20},
    CHOOSE | {"index": -1},
    CHOOSE | {"index": "0"},
    CHOOSE | {"of": "painting"},
    {"kind": "model", "number": 1},
    {"kind": "model", "number": "0"},
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
def test_what_no_page_of_ours_sends_is_refused(explorers, content):
    with pytest.raises(ValueError, match="something that it should not"):
        requested_state(first_state(explorers), content, [], explorers)


def test_values_that_are_no_numbers_are_refused(explorers):
    for value in (None, "1", [1], float("inf"), True):
        slide = {"kind": "slide", "slider": 0, "value": value}
        with pytest.raises(ValueError, match="something that it should not"):
            requested_state(first_state(explorers), slide, [], explorers)


def test_a_field_of_another_size_is_refused(explorers):
    with pytest.raises(ValueError, match="something that it should not"):
        requested_state(first_state(explorers), {"kind": "draw"}, [bytes(7)], explorers)


def test_what_is_heard_is_said_in_words(explorers):
    state = first_state(explorers)
    assert state.caption == CAPTIONS[0]
    assert state._replace(changes={1: 0.0}).caption == f"{CAPTIONS[0]}, changed"
    way = state._replace(position=5, temperature=0.5)
    assert way.caption == f"25 % from {CAPTIONS[0]} to {CAPTIONS[1]}, at temperature 0.5"
    assert state._replace(whole=True).caption == f"From {CAPTIONS[0]} to {CAPTIONS[1]}"


# --- the page


def test_the_page_opens_silently_with_the_first_picture(explorer, page):
    ask(page, {"kind": "ready"})
    (original, as_it_is), (shown, buffers), (shelf, thumbs) = page.sent
    assert (original["kind"], original["shape"], original["ink"]) == ("original", [1, 28, 28], True)
    assert as_it_is[0] == IMAGES[0].numpy().tobytes()
    assert (shown["kind"], shown["name"], shown["place"]) == ("shown", CAPTIONS[0], ("digit", 0))
    assert buffers[0] == IMAGES[0].numpy().tobytes()
    assert len(buffers[1]) == len(buffers[2]) == 28 * 28
    assert len(buffers[3]) == ALIKE * 28 * 28
    (row,) = shelf["rows"]
    assert row["title"] == "Handwritten digits"
    assert [(of, index) for of, index, _ in row["pictures"]] == [("digit", i) for i in range(SHELF)]
    assert len(thumbs[0]) == SHELF * 28 * 28
    assert page.player._shown is not None
    assert not page.played


def test_pictures_that_sound_alike_are_shown_once_all_were_listened_to(cache):
    explorer = Explorer(small_synvae(), IMAGES, CAPTIONS)
    heard = explorer.play(explorer.encode(explorer.images[4]))
    found, pixels = by_ear(explorer, "digit", heard.events, 4)
    assert (found["heard"], found["of"], found["pictures"], pixels) == (0, 20, [], b"")

    async def open_page():
        page, sent = SynVaePage(explorer), []
        page.send = lambda content, buffers=(): sent.append((content, list(buffers)))
        page._handle_custom_msg({"kind": "ready"}, [])
        assert explorer.melodies.heard == 0, "the first sound does not wait for it"
        await page._listening
        page._handle_custom_msg(CHOOSE | {"index": 4}, [])
        while page._answer.busy:
            await asyncio.sleep(0.01)
        return sent

    sent = asyncio.run(open_page())
    told = [content["by_ear"]["heard"] for content, _ in sent if content["kind"] == "by ear"]
    assert told == [4, 8, 12, 16, 20]
    shown, buffers = sent[-1]
    indices = [index for _, index, _ in shown["by_ear"]["pictures"]]
    assert indices == explorer.melodies.nearest(heard.events, k=ALIKE, without=4)
    assert 4 not in indices
    assert buffers[4] == IMAGES[indices].numpy().tobytes()
    json.dumps(shown)


def test_choosing_a_picture_plays_it(explorer, page):
    shown = ask(page, CHOOSE | {"index": 4})
    told = rf"{re.escape(CAPTIONS[4])} plays, \d+ notes?\. From the notes: .* One of the examples"
    assert re.match(told, shown["said"])
    assert shown["came_back"] in shown["said"]
    assert 4 not in [index for _, index, _ in shown["by_latents"]["pictures"]]
    (played,) = page.played
    assert (played["label"], played["play"]) == (CAPTIONS[4], True)
    json.dumps(shown)


def test_a_step_of_a_slider_says_what_changed_and_a_tempo_nothing(explorer, page):
    before = page._last_events
    said = ask(page, {"kind": "slide", "slider": 0, "value": 3.0})["said"]
    assert said.startswith(describe_melody_change(before, page._last_events))
    assert "plays" not in said
    assert ask(page, SOUND | {"qpm": 90})["said"] == ""


def test_a_picture_is_heard_before_it_is_chosen_and_the_page_goes_back(explorer, page):
    chosen = page._state
    heard = explorer.play(explorer.encode(explorer.images[4]))
    said = ask(page, CHOOSE | {"kind": "hear", "index": 4})
    count = len(ONE_VOICE.notes(heard.events))
    assert said == {"kind": "said", "said": f"{count} note{'' if count == 1 else 's'}."}
    assert (page.played[-1]["label"], page.played[-1]["play"]) == (CAPTIONS[4], True)
    assert page._state is chosen
    ask(page, {"kind": "back"})
    assert (page.played[-1]["label"], page.played[-1]["play"]) == (CAPTIONS[0], False)
    assert ask(page, CHOOSE | {"kind": "hear", "index": -1})["said"].startswith("Not used: ")


def test_a_slider_decodes_its_own_z(explorer, page):
    shown = ask(page, {"kind": "slide", "slider": 1, "value": 2.5})
    assert shown["values"][1] == pytest.approx(2.5, abs=1e-4)
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


def opened(page):
    """What a page and its player send from now on."""
    sent, played = [], []
    page.send = lambda content, buffers=(): sent.append(content)
    page.player.send = lambda content, buffers=(): played.append(content)
    return sent, played


def test_another_length_is_chosen_and_back(explorer, eight_bars, tmp_path):
    models = [
        Choice("own", 32, None, "digit"),
        Choice("long", 128, eight_bars, "digit"),
        Choice("gone", 256, tmp_path, "digit"),
    ]
    page = SynVaePage(explorer, models=models)
    sent, played = opened(page)
    assert [each["label"] for each in page.page["models"]] == [
        "own, 2 bars",
        "long, 8 bars",
        "gone, 16 bars",
    ]
    ask(page, {"kind": "slide", "slider": 6, "value": 1})
    ask(page, CHOOSE | {"index": 4})
    ask(page, {"kind": "model", "number": 1})
    assert [each["kind"] for each in sent[-2:]] == ["opening", "shown"]
    assert (sent[-1]["name"], sent[-1]["model"]) == (CAPTIONS[4], 1)
    assert sent[-1]["taken"].endswith("You chose long.")
    assert played[-1]["steps"] == 128
    assert len(page.page["sliders"]) == len(sent[-1]["values"])
    ask(page, {"kind": "model", "number": 2})
    assert sent[-1]["said"].startswith("Not used: gone cannot be opened")
    ask(page, CHOOSE | {"index": 5})
    assert (sent[-1]["model"], played[-1]["steps"]) == (1, 128), "of a kind, the one chosen last"
    ask(page, {"kind": "model", "number": 0})
    assert (sent[-1]["model"], played[-1]["steps"]) == (0, 32)
    z = explorer.encode(explorer.images[5])
    assert [tuple(note) for note in played[-1]["notes"]] == [
        note[:3] for note in ONE_VOICE.notes(explorer.play(z).events)
    ]
    ask(page, {"kind": "model", "number": 3})
    assert "something that it should not" in sent[-1]["said"]


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """The folder of an untrained SynVAE for photographs."""
    save_model(small_synvae(32), folder := tmp_path_factory.mktemp("photos"))
    return folder


def photograph():
    caption, pixels = example_photographs()[1]
    return caption, pixels


def test_a_photograph_is_played_by_a_model_of_photographs_unless_another_is_chosen(
    explorer, photos
):
    models = [Choice("digits", 32, None, "digit"), Choice("photos", 32, photos, "photograph")]
    page = SynVaePage(explorer, models=models)
    sent, _ = opened(page)
    ask(page, {"kind": "ready"})
    assert [row["title"] for row in sent[-1]["rows"]] == ["Handwritten digits", "Photographs"]
    _, pixels = photograph()
    ask(page, {"kind": "upload", "name": "cat.png"}, png(pixels))
    opening, original, shown = sent[-3:]
    assert opening["said"].startswith("photos, made for photographs, is opened")
    assert original["shape"][0] == 3
    assert not original["ink"]
    high, wide = original["shape"][1:]
    assert wide / high == pytest.approx(pixels.shape[1] / pixels.shape[0], rel=0.01)
    assert (shown["model"], shown["shape"], shown["ink"]) == (1, [3, 32, 32], False)
    assert shown["taken"].startswith("Taken as a photograph")
    assert shown["taken"].endswith("Played by photos.")
    assert shown["limit"] == ""
    ask(page, {"kind": "model", "number": 0})
    assert (sent[-1]["model"], sent[-1]["ink"]) == (0, False), "in grey, and never as a negative"
    assert sent[-1]["limit"] == (
        "digits was made for handwritten digits: a photograph comes back as something like a "
        "handwritten digit."
    )
    assert sent[-1]["limit"] in sent[-1]["said"], "it is announced"
    ask(page, CHOOSE | {"of": "photograph", "index": 2})
    assert (sent[-1]["model"], sent[-1]["place"]) == (1, ("photograph", 2))
    ask(page, CHOOSE | {"index": 3})
    assert (sent[-1]["model"], sent[-1]["limit"]) == (0, "")


def test_where_a_model_cannot_be_opened_another_plays_and_the_page_says_why(explorer, tmp_path):
    models = [Choice("digits", 32, None, "digit"), Choice("photos", 32, tmp_path, "photograph")]
    page = SynVaePage(explorer, models=models)
    sent, played = opened(page)
    ask(page, {"kind": "upload", "name": "cat.png"}, png(photograph()[1]))
    assert sent[-1]["model"] == 0
    assert "photos cannot be opened" in sent[-1]["limit"]
    assert "was made for handwritten digits" in sent[-1]["limit"]
    assert played[-1]["play"]


def test_a_photographed_digit_is_what_a_clean_one_is(explorer):
    digit = load_pictures("mnist_5k").test.images[0, 0].numpy()
    picture = taken(digit, Scene(), np.random.default_rng(0))
    page = SynVaePage(explorer)
    sent, _ = opened(page)
    ask(page, {"kind": "upload", "name": "paper.png"}, png(picture))
    assert sent[-1]["taken"].startswith("Taken as a handwritten digit: one dark stroke on light")
    assert "found, cropped, cleaned and centred" in sent[-1]["seen"]
    assert sent[-1]["ink"]
    seen = page._state.picture.seen_by((1, 28, 28)).pixels[0]
    assert np.corrcoef(seen.ravel(), digit.ravel())[0, 1] > 0.6


def test_the_page_shows_how_it_sounds_and_after_a_refusal_how_it_did_before(page):
    wanted = {"program": 40, "qpm": 90.0, "temperature": 0.5, "style": "pop"}
    shown = ask(page, SOUND | wanted)
    assert {name: shown["sound"][name] for name in wanted} == wanted
    ask(page, SOUND | wanted | {"qpm": 60.0, "font": "no such font"})
    refused = page.sent[-1][0]
    assert refused["said"].startswith("Not used: ")
    assert refused["sound"] == shown["sound"], "the font that was refused is not shown as chosen"


def test_every_style_of_accompaniment_is_offered_and_plays(page):
    assert set(ACCOMPANIMENTS) == {"", *STYLES}
    for style in STYLES:
        ask(page, SOUND | {"style": style})
        assert page.played[-1]["play"]
        assert page.player._shown.midi.count(b"MTrk") == 3


def test_a_melody_is_performed_as_the_picture_looks_and_says_so(page):
    words = "mid-tone and grey, high contrast, busy: electric piano, middle, loud, fast"
    shown = ask(page, SOUND)
    assert (shown["look"], shown["sound"]["performed"]) == (words, False)
    assert words not in page.played[-1]["label"]
    shown = ask(page, SOUND | {"performed": True})
    assert shown["sound"]["performed"]
    assert page.played[-1]["label"].endswith(f": {words}")
    assert read_performed(page.player._shown.midi)[1] == Look(0, 1, 2, 2)
    ask(page, SOUND | {"performed": 1})
    assert page.sent[-1][0]["said"].startswith("Not used: ")


def test_a_model_that_draws_with_looks_performs_unless_it_is_asked_not_to(cache):
    torch.manual_seed(0)
    config = SynVaeConfig(visual_config(28, latent_dim=8), performance=True)
    model = SynVae(config, small_synvae().music).eval()
    torch.nn.init.normal_(model.look_input.weight)
    explorer = Explorer(model, IMAGES, CAPTIONS)
    made = SynVaePage(explorer)
    assert made._last[0]["sound"]["performed"]
    z = explorer.encode(IMAGES[0].numpy())
    look = made._state.look(explorer.shape)
    drawn, plain = explorer.play(z, look=look).rebuilt, explorer.play(z).rebuilt
    assert made._last[1][1] == drawn.tobytes() != plain.tobytes()
    ask(made, SOUND)
    assert not made._last[0]["sound"]["performed"]
    assert made._last[1][1] == plain.tobytes()


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
    shelf = ask(page, {"kind": "shelf", "number": 2})
    assert [index for _, index, _ in shelf["rows"][0]["pictures"]] == [*range(16, 20), *range(4)]


def test_a_refusal_is_said_and_the_page_goes_on(page):
    said = ask(page, {"kind": "upload", "name": "evil.png"}, b"\x89PNG" + bytes(99))
    assert said["said"].startswith("Not used: evil.png")
    assert not page.played
    assert ask(page, CHOOSE | {"index": 1})["kind"] == "shown"


def test_a_fault_is_said_and_logged(page, monkeypatch, caplog):
    monkeypatch.setattr(page, "_point", lambda pixels: 1 / 0)
    said = ask(page, CHOOSE | {"index": 9})
    assert (said["kind"], said["said"]) == ("refused", BROKEN)


def test_sliders_say_what_they_do(explorer, explorers):
    page = describe_page(explorers, explorer, first_state(explorers))
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
