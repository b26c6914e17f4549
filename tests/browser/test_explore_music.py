"""Notebook 41 as a person uses it: keys are tapped, tunes mixed and changed, files uploaded."""

import re

import numpy as np
import pytest
from axe import violations
from questions import asked_values, slide, watch
from spoken_pages import Ear
from telephones import TELEPHONE, check_on_a_telephone, check_on_paper

from synvae_core.music.coding import Note
from synvae_core.music.melody import ONE_VOICE
from synvae_core.music.midi import midi_bytes, read_midi

NOTEBOOK = "41_explore_music.ipynb"
PIXELS = "c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data].join()"
CANVAS = "document.querySelector('.em-drawn canvas')"
BYTES = "async a => [...new Uint8Array(await (await fetch(a.href)).arrayBuffer())]"
TUNE = ONE_VOICE.events([Note(4 * i, 4 * i + 3, 60 + i) for i in range(8)], steps=32)
TIMED = """() => {
  window.pressed = [];
  document.addEventListener("keydown", () => pressed.push(performance.now()), true);
}"""
SECONDS = 5.75  # two bars at 120 quarters a minute, and the end of the last sound in the room


class MusicPage:
    """What a person finds on the page, and does there."""

    def __init__(self, page):
        self.page, self.root = page, page.locator(".explore-music")
        self.root.locator(".live-audio[src]").wait_for()
        self.audio = self.root.locator(".live-audio")

    def get(self, label):
        return self.root.get_by_label(label, exact=True)

    def answered(self, act):
        """Does it, and waits until all is answered; gives the melody of the new sound."""
        before = self.audio.get_attribute("src")
        act()
        self.page.wait_for_function(
            "before => document.querySelector('.explore-music .live-audio').src !== before"
            "&& !document.querySelector('.explore-music[data-busy]')",
            arg=before,
        )
        return self.melody()

    def plays(self, pitches):
        """Waits until these are the notes that are heard."""
        self.root.locator(f".lp-roll[aria-label$=' bars, {pitches}']").wait_for()

    def melody(self):
        """What is heard, as it is saved."""
        data = bytes(self.root.locator(".live-mid").evaluate(BYTES))
        return read_midi(data, steps=32, allow_silence=True)

    def picture(self):
        return self.page.evaluate(f"({PIXELS})({CANVAS})")

    def caption(self):
        return self.root.locator(".live-player strong").inner_text()


@pytest.fixture(scope="module")
def opened(lab):
    page = lab(NOTEBOOK, SMOKE=True, context={"viewport": {"width": 1280, "height": 1500}})
    return MusicPage(page)


def test_letters_play_and_become_a_melody(opened, sound_of, artifacts):
    page, picture = opened.page, opened.picture()
    opened.root.locator(".kb-piano [tabindex='0']").focus()
    page.keyboard.press("a")  # C4
    page.keyboard.press("Space")  # a rest
    page.keyboard.press("w")
    opened.plays("C4, C♯4")
    assert opened.melody().tolist()[:6] == [41, 0, 1, 0, 42, 0]
    page.wait_for_function(f"before => ({PIXELS})({CANVAS}) !== before", arg=picture)
    assert sound_of(opened.audio).seconds == pytest.approx(SECONDS, abs=0.01)
    page.keyboard.press("Backspace")
    opened.plays("C4")
    opened.root.get_by_label("C sharp 5", exact=True).click()
    opened.plays("C4, C♯5")
    opened.root.screenshot(path=artifacts / "music_tapped.png")


def test_what_is_played_in_time_is_moved_to_sixteenths(opened, sound_of):
    page = opened.page

    def play():
        opened.root.get_by_role("button", name="Play in time").click()
        page.locator(".kb-beats [data-now='on']").wait_for()
        for letter in "sdf":
            page.keyboard.down(letter)
            page.wait_for_timeout(230)
            page.keyboard.up(letter)
            page.wait_for_timeout(270)
        opened.root.get_by_role("button", name="Stop").click()

    page.evaluate(TIMED)
    notes = ONE_VOICE.notes(opened.answered(play))
    assert [note.pitch for note in notes] == [62, 64, 65]
    sixteenths = np.diff(page.evaluate("pressed")) / 125  # milliseconds, at 120 quarters a minute
    assert np.diff([note.start for note in notes]) == pytest.approx(sixteenths, abs=1)
    assert sound_of(opened.audio).loudest > 0.05
    assert not opened.audio.evaluate("audio => audio.paused")


def test_a_file_is_mixed_with_a_tune_and_changed(opened, sound_of, artifacts):
    file = {"name": "<b>mine</b>.mid", "mimeType": "audio/midi", "buffer": midi_bytes(TUNE)}
    field = opened.get("Upload a MIDI file as melody A")
    assert np.array_equal(opened.answered(lambda: field.set_input_files(file)), TUNE)
    opened.root.locator(".em-tune").first.filter(has_text="<b>mine</b>.mid").wait_for()
    picture = opened.picture()
    slider = opened.get("From melody A to melody B")
    between = opened.answered(lambda: slider.fill("50"))
    assert not np.array_equal(between, TUNE)
    assert opened.picture() != picture
    assert "50 % of the way from A to B" in opened.caption()
    notes = opened.get("Notes, from fewer to more")
    changed = opened.answered(lambda: notes.fill("2"))
    assert len(ONE_VOICE.notes(changed)) > len(ONE_VOICE.notes(between))
    assert notes.get_attribute("aria-valuetext") == "2 more"
    assert "→" in opened.root.locator(".em-bend .em-value").first.inner_text()
    assert sound_of(opened.audio).seconds == pytest.approx(SECONDS, abs=0.01)
    opened.root.screenshot(path=artifacts / "music_changed.png")


def test_no_key_replaces_an_upload_and_undo_brings_back_what_was_there(opened):
    root, keys = opened.root, opened.root.locator(".kb-piano [tabindex='0']")
    half = ONE_VOICE.events([Note(4 * i, 4 * i + 3, 60 + i) for i in range(4)], steps=32)
    file = {"name": "half.mid", "mimeType": "audio/midi", "buffer": midi_bytes(half)}
    opened.get("Upload a MIDI file as melody A").set_input_files(file)
    opened.plays("C4, C♯4, D4, E♭4")
    keys.focus()
    opened.page.keyboard.press("a")
    opened.plays("C4, C♯4, D4, E♭4, C4")
    root.get_by_role("button", name="Swap A and B").click()
    root.locator(".kb-roll[aria-label^='Melody A']:not([aria-label*='Your melody'])").wait_for()
    root.get_by_role("button", name="Undo").click()
    root.get_by_role("button", name="Undo").click()
    opened.plays("C4, C♯4, D4, E♭4")
    root.locator(".kb-roll[aria-label^='Melody A, half.mid']").wait_for()


def test_a_hostile_file_is_refused_and_the_page_lives_on(opened):
    hostile = {"name": "evil.mid", "mimeType": "audio/midi", "buffer": b"MThd" + b"\xff" * 3000}
    opened.get("Upload a MIDI file as melody B").set_input_files(hostile)
    refused = opened.root.get_by_role("alert").filter(has_text="Not used: evil.mid")
    refused.wait_for()
    assert refused.evaluate("node => Boolean(node.closest('[aria-label=\"Melody B\"]'))")
    pick = opened.get("A tune for melody B")
    heard = opened.answered(lambda: pick.select_option(index=3))
    assert len(ONE_VOICE.notes(heard)) > 3


def test_a_drag_does_not_queue_up(opened):
    slider = opened.get("From melody A to melody B")
    slider.focus()
    watch(opened.page, "mix")
    opened.answered(lambda: slide(slider, range(0, 100, 2)))
    assert asked_values(opened.page) == [0, 98]
    assert "98 % of the way" in opened.caption()
    opened.page.keyboard.press("ArrowRight")
    opened.root.locator(".live-player strong", has_text="99 % of the way").wait_for()


@pytest.fixture(scope="module")
def served(voila):
    return MusicPage(voila(NOTEBOOK, context=TELEPHONE | {"color_scheme": "dark"}))


def test_it_is_told_to_who_cannot_see_it(served):
    """One arrow key says one thing, once: its own value, and what changed in the notes."""
    for slot in "AB":  # opened before the kernel has answered, the page has no titles yet
        filled = re.compile(f"^Melody {slot} .")
        served.page.get_by_role("heading", name=filled).wait_for()
    ear = Ear(served.page)
    ear.outline()
    for name in ("From melody A to melody B", "Notes, from fewer to more", "Tempo"):
        ear.focus(served.root.get_by_role("slider", name=name))
        ear.press("ArrowRight")
    ear.focus(served.get("Hear melody B"))
    ear.press("Enter")
    ear.press("Escape")
    assert served.audio.evaluate("audio => audio.paused")
    ear.focus(served.root.locator(".kb-piano [tabindex='0']"))
    ear.press("ArrowRight")
    ear.press("Enter", until="Your melody: 1 note.")
    ear.compare("41_explore_music")


def test_it_keeps_nobody_out(served, artifacts):
    page = served.page
    assert not violations(page)
    page.emulate_media(color_scheme="light", forced_colors="active")
    page.screenshot(path=artifacts / "music_forced_colours.png", full_page=True)
    for notes in (".lp-note", ".em-roll span", ".kb-roll span"):
        note = f"getComputedStyle(document.querySelector('{notes}')).backgroundColor"
        assert page.evaluate(note).startswith("oklch"), "notes keep their colours"
    page.emulate_media(forced_colors="none")
    assert not violations(page)
    page.emulate_media(color_scheme="dark")


def test_without_code_on_a_telephone_and_on_paper(served, sound_of, artifacts):
    page, music = served.page, served
    heard = music.answered(lambda: music.get("Hear melody B").tap())
    assert len(ONE_VOICE.notes(heard)) > 3
    assert sound_of(music.audio).loudest > 0.05
    check_on_a_telephone(page)
    keys = music.root.locator(".kb-piano button")
    assert keys.count() == 12, "one octave of wide keys"
    music.get("An octave higher").tap()
    roll = music.root.locator(".kb-roll")
    before = roll.get_attribute("aria-label")
    music.get("C 5").tap()
    page.wait_for_function(
        "before => document.querySelector('.kb-roll').getAttribute('aria-label') !== before",
        arg=before,
    )
    assert not keys.locator("kbd").first.is_visible(), "letters that no telephone has"
    page.screenshot(path=artifacts / "music_telephone.png", full_page=True)
    (artifacts / "music.pdf").write_bytes(check_on_paper(page))
