"""Notebook 44 as a person uses it: faces are changed and walked between, loops go round."""

import base64
import io

import numpy as np
import pytest
import soundfile
from axe import violations
from PIL import Image
from spoken_pages import Ear
from telephones import TELEPHONE, check_on_a_telephone, check_on_paper

NOTEBOOK = "44_explore_faces_and_loops.ipynb"
FRAME = (
    "heading-order",
    "region",
    "landmark-one-main",
)  # of all live pages, not of these two parts
RATE, SECONDS = 22_050, 10
# In place of the device's clock one that stands still: what is asked for at the same moment is
# scheduled in the order in which it was asked, and rendered when the test says so.
OFFLINE = f"""() => {{ window.AudioContext = function () {{
  return window.heard = new OfflineAudioContext(1, {SECONDS * RATE}, {RATE});
}}; }}"""
AS_TEXT = "btoa(Array.from(bytes, each => String.fromCharCode(each)).join(''))"
RENDER = f"""async () => {{
  const bytes = new Uint8Array((await window.heard.startRendering()).getChannelData(0).buffer);
  return {AS_TEXT};
}}"""
SAVED = f"""async a => {{
  const bytes = new Uint8Array(await (await fetch(a.href)).arrayBuffer());
  return {AS_TEXT};
}}"""
PIXELS = "c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data].join()"


@pytest.fixture(scope="module")
def page(voila):
    opened = voila(NOTEBOOK, context={"viewport": {"width": 1280, "height": 1500}})
    opened.locator(".explore-faces .xf-near", has_text="training face").wait_for()
    opened.locator(".explore-loops .xl-wav[href]").wait_for()
    return opened


def saved(loops):
    """The loop that the page saves, by its WAV file."""
    data = base64.b64decode(loops.locator(".xl-wav").evaluate(SAVED))
    samples, rate = soundfile.read(io.BytesIO(data))
    assert rate == RATE
    return samples


def answered(page, root, act):
    act()
    page.wait_for_function(f"!document.querySelector('{root}[data-busy]')")


def test_what_is_told_to_who_does_not_see_a_face(voila, artifacts):
    page = voila(NOTEBOOK, context=TELEPHONE)
    page.locator(".explore-faces .xf-near", has_text="training face").wait_for()
    page.locator(".explore-loops .xl-wav[href]").wait_for()
    check_on_a_telephone(page)
    assert not violations(page)
    ear = Ear(page)
    ear.outline()
    ear.focus(page.get_by_role("slider", name="darker or lighter", exact=True))
    ear.press("End")
    ear.focus(page.get_by_role("slider", name="Between the four"))
    ear.press("Shift+ArrowRight")
    ear.compare("44_explore_faces_and_loops")
    (artifacts / "faces_and_loops.pdf").write_bytes(check_on_paper(page, sounds=False))
    page.context.close()


def test_a_face_is_changed_projected_and_walked_from(page, artifacts):
    faces = page.locator(".explore-faces")
    drawn = faces.locator(".xf-drawn canvas")
    before = drawn.evaluate(PIXELS)
    slider = faces.get_by_role("slider", name="darker or lighter", exact=True)
    answered(page, ".explore-faces", lambda: slider.press("End"))
    faces.get_by_role("status").filter(has_text="changed. Nearest is training face").wait_for()
    assert slider.get_attribute("aria-valuetext") == "3.0 lighter"
    assert drawn.evaluate(PIXELS) != before
    picture = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(picture, "PNG")
    upload = {"name": "sea.png", "mimeType": "image/png", "buffer": picture.getvalue()}
    faces.locator("input[type=file]").set_input_files(upload)
    faces.locator(".xp-remark", has_text="No face was found in sea.png").wait_for()
    page.emulate_media(reduced_motion="reduce")
    faces.get_by_role("button", name="Play the walk").click()
    pause = faces.get_by_role("button", name="Pause the walk")
    pause.wait_for()
    place = faces.get_by_role("slider", name="Place on the walk")
    page.wait_for_function("e => +e.value >= 12 && +e.value % 12 === 0", arg=place.element_handle())
    page.keyboard.press("Escape")
    faces.get_by_role("button", name="Play the walk").wait_for()
    faces.screenshot(path=artifacts / "faces.png")


def test_loops_go_round_and_change_without_a_click(page, artifacts):
    loops = page.locator(".explore-loops")
    page.evaluate(OFFLINE)
    pad, first = loops.get_by_role("slider", name="Between the four"), saved(loops)
    loops.get_by_role("button", name="Play", exact=True).click()
    answered(page, ".explore-loops", lambda: pad.press("Shift+ArrowRight"))
    loops.get_by_role("status").filter(has_text="75 %").wait_for()
    second = saved(loops)
    sound = np.frombuffer(base64.b64decode(page.evaluate(RENDER)), np.float32)
    beat, lead = len(first) / 8, int(0.05 * RATE + 0.5)
    assert np.abs(sound).max() > 0.2
    # From the next beat on it is the second loop, whose own samples follow each other at its seam.
    change = lead + round(beat)
    rest = sound[change + round(0.02 * RATE) :]
    expected = np.resize(np.roll(second, -round(beat) - round(0.02 * RATE)), len(rest))
    assert np.abs(rest - expected).max() < 0.02
    assert len(rest) > 1.5 * len(second), "more than once round"
    steps = max(np.abs(np.diff(each, append=each[0])).max() for each in (first, second))
    assert np.abs(np.diff(sound)).max() <= 1.05 * steps, "a click"
    page.keyboard.press("Escape")
    loops.get_by_role("button", name="Play", exact=True).wait_for()
    loops.screenshot(path=artifacts / "loops.png")


def test_ones_own_loop_takes_a_corner(page, artifacts):
    loops = page.locator(".explore-loops")
    out = io.BytesIO()
    clicks = np.zeros(2 * RATE)
    clicks[:: RATE // 2] = 0.5
    soundfile.write(out, clicks, RATE, format="WAV")
    upload = {"name": "mine.wav", "mimeType": "audio/wav", "buffer": out.getvalue()}
    loops.get_by_label("Your own loop, lower right").set_input_files(upload)
    loops.locator(".xp-remark", has_text="taken as 1 bar at 120 bpm").wait_for()
    loops.get_by_role("status").filter(has_text="mine.wav through the model").wait_for()
    field = loops.get_by_label("Your own loop, lower right")
    field.set_input_files(upload | {"name": "x.wav", "buffer": b"no sound"})
    refusal = loops.get_by_role("alert").filter(has_text="Not used: x.wav is no WAV")
    refusal.wait_for()
    assert loops.locator(".xl-corner-3").get_by_role("alert").count() == 1, "beside its control"
    faces = page.locator(".explore-faces")
    picture = {"name": "x.png", "mimeType": "image/png", "buffer": b"no picture"}
    faces.locator("input[type=file]").set_input_files(picture)
    faces.locator(".xp-row + [role=alert]").filter(has_text="Not used: x.png is no").wait_for()
    for width, scheme in ((390, "dark"), (1280, "light")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert not violations(page)
        for part in ("faces", "loops"):
            place = artifacts / f"{part}_{scheme}.png"
            page.locator(f".explore-{part}").screenshot(path=place)
