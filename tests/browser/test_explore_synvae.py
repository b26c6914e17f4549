"""Notebook 40 as a person uses it: choose, bend, walk, draw, upload and save."""

import base64
import io
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from axe import violations
from photographed_digits import Scene, photograph
from PIL import Image
from questions import asked_values, slide, watch
from spoken_pages import Ear
from telephones import TELEPHONE, check_on_a_telephone, check_on_paper

from synvae_core.music.acoustics import REVERB_SECONDS
from synvae_core.music.midi import read_midi
from synvae_core.music.render import RELEASE_SECONDS
from synvae_workbench.data.pictures.example_photographs import example_photographs
from synvae_workbench.data.pictures.mnist_5k import read_mnist_5k

NOTEBOOK = "40_explore_synvae.ipynb"
TAIL = RELEASE_SECONDS + REVERB_SECONDS
WATCH = """() => {
  window.times = [];
  for (const name of ["input", "click", "playing"])
    document.addEventListener(name, event => times.push([name, performance.now()]), true);
}"""
# The line of the cursor, and its place there in bars, once the player is there.
CURSOR = """async () => {
  const audio = document.querySelector(".live-audio");
  if (audio.seeking) await new Promise(done => audio.addEventListener("seeked", done));
  await new Promise(done => requestAnimationFrame(done));
  const head = document.querySelector(".lp-head"), line = head.parentNode;
  return [[...line.parentNode.children].indexOf(line),
    parseFloat(head.style.left) / 100 * +line.style.getPropertyValue("--bars")];
}"""
SHAPE = "canvas => [canvas.width, canvas.height]"
DROP = """([name, data]) => {
  const transfer = new DataTransfer(), root = document.querySelector(".explore");
  const bytes = Uint8Array.from(atob(data), letter => letter.charCodeAt(0));
  transfer.items.add(new File([bytes], name, { type: "image/jpeg" }));
  for (const kind of ["dragenter", "dragover", "drop"])
    root.dispatchEvent(new DragEvent(kind, { dataTransfer: transfer, bubbles: true,
      cancelable: true }));
}"""
PIXELS = "canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data"


@pytest.fixture(scope="module")
def page(lab):
    page = lab(NOTEBOOK, SMOKE=True)
    page.locator(".explore").scroll_into_view_if_needed()
    page.locator(".live-player:not([hidden])").wait_for()
    page.evaluate(WATCH)
    return page


def changed(page):
    """Does what the block does and waits until all is answered and another sound plays."""
    return _Changed(page)


class _Changed:
    def __init__(self, page):
        self.page, self.audio = page, page.locator(".live-audio")

    def __enter__(self):
        self.before = self.audio.evaluate("audio => audio.src")
        self.page.evaluate("times.length = 0")

    def __exit__(self, *_):
        self.page.wait_for_function(
            "before => { const audio = document.querySelector('.live-audio');"
            "return audio.src !== before && !audio.paused && audio.currentTime > 0"
            "&& !document.querySelector('.explore[data-busy]'); }",
            arg=self.before,
        )


def rebuilt(page):
    found = page.locator(".ex-after canvas").evaluate(f"canvas => [...({PIXELS})(canvas)]")
    return np.array(found)


def milliseconds(page, event):
    """From the last such event to the first sound that plays after it."""
    times = page.evaluate("times")
    begun = [at for name, at in times if name == event][-1]
    return min(at for name, at in times if name == "playing" and at > begun) - begun


def test_it_opens_silently_with_a_melody_and_its_picture(page, sound_of, artifacts):
    audio = page.locator(".live-audio")
    assert audio.evaluate("audio => audio.paused")
    assert sound_of(audio).seconds == pytest.approx(4 + TAIL, abs=0.01)
    assert sound_of(audio).loudest > 0.05
    assert rebuilt(page).any()
    page.screenshot(path=artifacts / "explore_lab.png")


def test_a_picture_chosen_is_heard_and_drawn_from_its_notes(page, sound_of):
    before = rebuilt(page)
    with changed(page):
        page.locator(".ex-choice").nth(3).click()
    assert (rebuilt(page) != before).any()
    page.wait_for_function(
        "document.querySelectorAll('.ex-choice')[3].getAttribute('aria-selected') === 'true'"
    )
    assert " plays, " in page.locator(".ex-status").inner_text()
    assert sound_of(page.locator(".live-audio")).loudest > 0.05


def test_a_slider_moved_by_keyboard_is_heard(page, record_property):
    slider, before, spent = page.locator(".ex-grid input").first, rebuilt(page), []
    slider.focus()
    for key in ["ArrowRight", "PageUp", "PageUp", "ArrowLeft", "PageDown", "PageDown", "Home"]:
        with changed(page):
            page.keyboard.press(key)
        spent.append(milliseconds(page, "input"))
    record_property("milliseconds from a move to its sound", spent)
    assert (rebuilt(page) != before).any()
    with changed(page):
        page.get_by_role("button", name="Back to the picture").click()
    assert (rebuilt(page) == before).all()


def test_a_drag_does_not_queue_up(page):
    slider = page.locator(".ex-grid input").nth(1)
    watch(page, "value")
    box = slider.bounding_box()
    x, y = box["x"], box["y"] + box["height"] / 2
    page.mouse.move(x + 10, y)
    page.mouse.down()
    with changed(page):
        for i in range(60):
            page.mouse.move(x + 10 + i * (box["width"] - 20) / 60, y)
        page.mouse.up()
    assert asked_values(page)[-1] == float(slider.input_value())
    with changed(page):
        values = slide(slider, [-1, -0.5, 0, 0.5, 1])
    assert asked_values(page) == [values[0], values[-1]]


def test_the_way_and_the_neighbours_can_be_heard(page, sound_of):
    with changed(page):
        page.get_by_label("Way to the other picture").press("End")
    assert page.locator(".live-player strong").inner_text().startswith("100 % from")
    with changed(page):
        page.get_by_role("button", name="Hear the whole way").click()
    seconds = sound_of(page.locator(".live-audio")).seconds
    assert seconds == pytest.approx(5 * 4 + TAIL, abs=0.01)
    for neighbours in (".ex-by-ear", ".ex-by-latents"):
        with changed(page):
            page.locator(f"{neighbours} .ex-choice").first.click()
    assert page.locator(".ex-by-ear .ex-hint").is_hidden()


def test_the_cursor_runs_from_line_to_line(page):
    with changed(page):
        page.get_by_role("button", name="Hear the whole way").click()
    audio, count = page.locator(".live-audio"), "document.querySelectorAll('.lp-line').length"
    page.set_viewport_size({"width": 2000, "height": 900})
    page.wait_for_function(f"{count} === 2")  # ten bars
    audio.evaluate("audio => { audio.pause(); audio.currentTime = 0.9; }")
    assert page.evaluate(CURSOR) == [0, pytest.approx(0.9 / 2, abs=0.01)]
    page.emulate_media(reduced_motion="reduce")
    audio.evaluate("audio => { audio.currentTime = 19.9; }")
    page.wait_for_function(f"({CURSOR})().then(found => found[0] === 1)")
    _, bars = page.evaluate(CURSOR)
    assert bars == pytest.approx(round(bars)), "without motion it stands where a bar begins"
    page.emulate_media(reduced_motion="no-preference")
    page.set_viewport_size({"width": 500, "height": 900})
    page.wait_for_function(f"{count} === 3")
    page.set_viewport_size({"width": 1280, "height": 900})


def test_the_notes_are_saved_and_drawn_as_sheet_music(page, artifacts):
    with changed(page):
        page.locator(".ex-choice").nth(1).click()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save MusicXML").click()
    assert saved.value.suggested_filename.endswith(".musicxml")
    assert ElementTree.parse(saved.value.path()).getroot().tag == "score-partwise"
    page.get_by_text("Sheet music", exact=True).click()
    image = page.get_by_role("img", name=re.compile("^Sheet music: .* in 2 bars"))
    image.wait_for()
    before = image.evaluate("async image => { await image.decode(); return image.src; }")
    assert 0 < image.bounding_box()["width"] <= page.locator(".live-player").bounding_box()["width"]
    with changed(page):
        page.locator(".ex-choice").nth(2).click()
    page.wait_for_function(
        "before => document.querySelector('.lp-sheet img').src !== before", arg=before
    )
    page.screenshot(path=artifacts / "explore_sheet.png")
    page.get_by_text("Sheet music", exact=True).click()


def test_instrument_and_tempo_change_the_sound(page, sound_of):
    with changed(page):
        page.get_by_label("Instrument").select_option("40")
    with changed(page):
        page.get_by_label("Tempo").press("End")
    seconds = sound_of(page.locator(".live-audio")).seconds
    assert seconds == pytest.approx(2 + TAIL, abs=0.01)
    with page.expect_download() as saved:
        page.get_by_role("link", name="Save MIDI").click()
    midi = saved.value.path().read_bytes()
    assert len(read_midi(midi, allow_silence=True)) == 32
    assert b"\xc0\x28" in midi


def test_a_digit_is_drawn_by_keyboard_and_with_the_mouse(page, artifacts):
    page.get_by_role("button", name="Draw a digit").click()
    with changed(page):
        keys = ["ArrowUp"] * 7 + [" "] + ["ArrowDown"] * 14 + [" "]
        for key in keys:
            page.keyboard.press(key)
    assert page.locator(".ex-caption").first.inner_text() == "Your drawing"
    one = rebuilt(page)
    page.get_by_role("button", name="Clear the field").click()
    box = page.locator(".ex-field canvas").bounding_box()
    path = [(0.25, 0.2), (0.75, 0.2), (0.4, 0.85)]
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in path]
    with changed(page):
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*point, steps=6)
        page.mouse.up()
    assert (rebuilt(page) != one).any()
    page.screenshot(path=artifacts / "explore_drawing.png")


def test_an_upload_is_heard_and_a_bomb_refused_in_words(page):
    photo = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 160, 3), np.uint8)).save(
        photo, "PNG"
    )
    upload = page.locator(".ex-file input")
    with changed(page):
        upload.set_input_files(
            {"name": "<b>me</b>.png", "mimeType": "image/png", "buffer": photo.getvalue()}
        )
    assert page.locator(".ex-caption").first.inner_text() == "<b>me</b>.png"
    shape = page.locator(".ex-before > .ex-paper:not(.ex-field) canvas").evaluate(SHAPE)
    assert shape == [160, 90], "as it is"
    header = b"\x89PNG\r\n\x1a\n" + (13).to_bytes(4, "big") + b"IHDR"
    bomb = header + (100_000).to_bytes(4, "big") * 2 + b"\x08\x02\x00\x00\x00" + bytes(4)
    upload.set_input_files({"name": "bomb.png", "mimeType": "image/png", "buffer": bomb})
    page.get_by_text("Not used: bomb.png").wait_for()
    with changed(page):
        page.locator(".ex-choice").first.click()


def dropped(page, name, pixels):
    """Drops a picture file on the page as a file manager does."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=90)
    data = base64.b64encode(buffer.getvalue()).decode()
    page.evaluate(DROP, [name, data])


def test_a_photograph_and_a_photographed_digit_are_dropped(page, artifacts):
    _, cat = example_photographs()[1]
    with changed(page):
        dropped(page, "cat.jpg", cat)
    shown = page.locator(".ex-before > .ex-paper:not(.ex-field) canvas")
    assert shown.evaluate(SHAPE) == [cat.shape[1], cat.shape[0]]
    colours = np.reshape(shown.evaluate(f"canvas => [...({PIXELS})(canvas)]"), (*cat.shape[:2], 4))
    assert np.abs(colours[..., :3].astype(int) - cat).mean() < 8, "as it is, not as a negative"
    assert "handwritten digit" not in page.locator(".ex-taken").inner_text().split(":")[0]
    page.locator(".ex-taking select").select_option("0")
    page.get_by_text("synvae_mnist was made for handwritten digits").first.wait_for()
    page.screenshot(path=artifacts / "explore_photograph.png", full_page=True)
    digit = read_mnist_5k()[0][0, 0]
    with changed(page):
        dropped(page, "paper.jpg", photograph(digit, Scene(), np.random.default_rng(0)))
    assert (
        page.locator(".ex-taken").inner_text().startswith("Taken as a handwritten digit: one dark")
    )
    assert "found, cropped, cleaned and centred" in page.locator(".ex-seeing").inner_text()
    assert page.locator(".ex-limit").inner_text() == ""
    assert "Taken as" in page.locator(".ex-status").inner_text(), "it is announced"


@pytest.fixture(scope="module")
def served(voila):
    page = voila(NOTEBOOK, context=TELEPHONE | {"color_scheme": "dark"})
    page.locator(".live-player:not([hidden])").wait_for()
    page.locator(".ex-shelf [role=option]").first.wait_for()
    return page


def test_it_is_told_to_who_cannot_see_it(served):
    """Pictures are heard by arrow keys, one is kept, and a slider says what it did to the notes."""
    page, ear = served, Ear(served)
    audio = page.locator(".live-audio")
    ear.outline()
    ear.focus(page.locator(".ex-shelf [role=option]").first)
    ear.press("ArrowRight")
    ear.press("Enter")
    assert page.evaluate("document.activeElement.getAttribute('aria-selected')") == "true"
    page.wait_for_function("!document.querySelector('.live-audio').paused")
    ear.press("Space")
    assert audio.evaluate("audio => audio.paused && audio.currentTime > 0"), "paused in place"
    ear.press("Space")
    assert not audio.evaluate("audio => audio.paused")
    ear.press("Escape")
    assert audio.evaluate("audio => audio.paused")
    ear.focus(page.locator(".ex-grid input").first)
    ear.press("PageUp")
    ear.focus(page.locator(".ex-by-latents [role=option]").nth(1))
    ear.press("Enter")
    assert page.evaluate("Boolean(document.activeElement.closest('.ex-by-latents'))")
    ear.focus(page.get_by_label("Tempo"))
    ear.press("ArrowRight")
    ear.compare("40_explore_synvae")


def test_it_keeps_nobody_out(served, artifacts):
    assert not violations(served)
    served.emulate_media(color_scheme="light", forced_colors="active")
    served.screenshot(path=artifacts / "explore_forced_colours.png", full_page=True)
    note = "getComputedStyle(document.querySelector('.lp-note')).backgroundColor"
    assert served.evaluate(note).startswith("oklch"), "notes keep their colours"
    served.emulate_media(forced_colors="none")
    assert not violations(served)
    served.emulate_media(color_scheme="dark")


def test_without_code_it_looks_like_a_product(served, artifacts, sound_of):
    page = served
    page.evaluate(WATCH)
    page.locator(".explore").scroll_into_view_if_needed()
    with changed(page):
        page.locator(".ex-choice").nth(2).tap()
    assert sound_of(page.locator(".live-audio")).loudest > 0.05
    check_on_a_telephone(page)
    page.screenshot(path=artifacts / "explore_telephone.png", full_page=True)
    (artifacts / "explore.pdf").write_bytes(check_on_paper(page))
    page.set_viewport_size({"width": 1280, "height": 900})
    page.screenshot(path=artifacts / "explore_voila.png", full_page=True)
