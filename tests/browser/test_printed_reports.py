"""A report on a phone, in the dark, to a screen reader, and on paper."""

import base64
import io
import re

import nbformat
import numpy as np
import pandas as pd
import pytest
from axe import violations
from PIL import Image

from synvae_workbench import plots
from synvae_workbench.live.players import PlayerItem, player_grid, roll_picture
from synvae_workbench.reports import export_html
from synvae_workbench.reports.figures import LEAST_LABEL
from synvae_workbench.reports.opening import TAG, in_short

new = nbformat.v4
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 800}
TUNE = np.array([41, 0, 43, 0, 45, 0, 46, 0] * 4)
PARAMETERS = """SMOKE = False  # True: one epoch on 300 digits, to check that everything runs
RUN_NAME = "picture_and_music_of_every_kind"  # folder under runs/ for the results
LEARNING_RATE = 0.0085  # peak learning rate of AdamW, above 0; decays along a half cosine"""


def shown(data, source="show()", **metadata):
    cell = new.new_code_cell(source, metadata=metadata)
    cell.outputs = [new.new_output("display_data", data=data)]
    return cell


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A report with one of everything: tables, figures and text too wide for a phone, players."""
    table = pd.DataFrame(np.zeros((3, 12)), columns=[f"measure_{i}" for i in range(12)])
    figure = plots.confusion(np.arange(10), np.arange(10)[::-1])
    wide = plots.precision_bars({"visual": dict.fromkeys(range(1, 15), 0.5)})
    item = PlayerItem(TUNE, "a tune", [roll_picture(TUNE, "piano roll")])
    players = player_grid([item] * 6)
    opening = in_short("Does it?", "7 of 9 do.", shown=players)
    text = new.new_code_cell("print()", outputs=[new.new_output("stream", text="wide " * 50)])
    cells = [
        new.new_markdown_cell("# Everything\n\nHow it is done."),
        new.new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}),
        new.new_markdown_cell("### A heading too low\n\n| | a |\n|---|---|\n| b | c |"),
        shown({"text/html": table.to_html()}),
        *(shown({"image/svg+xml": each._repr_svg_()}) for each in (figure, wide)),
        text,
        new.new_markdown_cell("### The same"),
        *(shown({"text/html": each}) for each in (table.to_html(), players.data)),
        shown({"text/html": opening.data}, tags=[TAG]),
    ]
    folder = tmp_path_factory.mktemp("everything")
    nbformat.write(new.new_notebook(cells=cells), folder / "everything.ipynb")
    return export_html(folder / "everything.ipynb", folder / "everything.html")


@pytest.fixture(scope="module")
def opened(report, new_page):
    """A function: the report in a browser, in which scripts from outside may look at it."""
    pages = []

    def open_report(**options):
        page = new_page(allowed=report.as_uri(), bypass_csp=True, **options)
        pages.append(page)
        page.goto(report.as_uri())
        return page

    yield open_report
    for page in pages:
        page.context.close()


@pytest.mark.parametrize(("size", "scheme"), [(PHONE, "dark"), (DESK, "light")])
def test_axe_finds_nothing(opened, size, scheme):
    page = opened(viewport=size, color_scheme=scheme)
    for card in page.locator("details").all():
        card.evaluate("card => { card.open = true }")
    assert violations(page) == []


def test_the_story_is_in_the_first_screenful_of_a_phone(opened):
    page = opened(viewport=PHONE)
    box = page.locator(".in-short strong").bounding_box()
    assert box["y"] + box["height"] < PHONE["height"] / 2
    assert page.locator(".in-short audio").first.bounding_box()["y"] < PHONE["height"]


def test_a_phone_breaks_no_word_and_scrolls_what_is_wide(opened, artifacts):
    page = opened(viewport=PHONE, has_touch=True)
    page.locator(".card > summary").first.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    lines = "code => code.getClientRects().length === 1 && code.offsetHeight < 40"
    values = page.locator(".card td code")
    assert all(each.evaluate(lines) for each in values.all()), values.all_inner_texts()
    said = page.locator(".card .help").last.bounding_box()
    assert said["x"] + said["width"] <= PHONE["width"], "what a parameter is can be read"
    for wide in (".output .scroll", ".picture", "pre.text"):
        box = page.locator(wide).last
        assert box.evaluate("box => box.classList.contains('more') && box.tabIndex === 0"), wide
        box.evaluate("box => { box.scrollLeft = box.scrollWidth }")
        page.wait_for_function("box => !box.classList.contains('more')", arg=box.element_handle())
    page.screenshot(path=artifacts / "report_phone.png", full_page=True)


def test_labels_of_figures_are_legible_on_a_phone(opened):
    page = opened(viewport=PHONE)
    for image in page.locator(".drawn img").all():
        svg = base64.b64decode(image.get_attribute("src").partition(",")[2]).decode()
        smallest = min(map(float, re.findall(r"font(?:-size)?:[^;\"]*?([\d.]+)px", svg)))
        units = float(re.search(r'viewBox="0 0 ([\d.]+)', svg)[1])
        assert smallest * image.evaluate("i => i.clientWidth") / units >= LEAST_LABEL - 0.1


@pytest.mark.parametrize(("scheme", "bright"), [("light", True), ("dark", False)])
def test_figures_are_on_paper_of_the_page(opened, scheme, bright):
    page = opened(viewport=DESK, color_scheme=scheme)
    picture = Image.open(io.BytesIO(page.locator(".drawn img").last.screenshot()))
    commonest = max(picture.convert("RGB").getcolors(1 << 24))[1]
    assert (min(commonest) > 200) == bright
    assert (max(commonest) < 60) != bright


def test_paper_has_no_players_and_says_where_they_are(opened):
    page = opened(viewport=DESK, color_scheme="dark")
    page.emulate_media(media="print")
    assert not any(each.is_visible() for each in page.locator("audio, button, nav").all())
    line = page.locator(".printed")
    assert line.is_visible()
    assert "12 sounds" in line.inner_text()
    assert "everything.html" in line.inner_text()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator(".card table").first.bounding_box()["height"] > 50, "parameters are printed"


def test_pages_of_a_printed_report_are_full(opened, artifacts):
    page = opened(viewport={"width": 680, "height": 900})
    printed = page.pdf(path=artifacts / "report.pdf", format="A4")
    page.emulate_media(media="print")
    high = page.evaluate("document.documentElement.scrollHeight") / (26.7 / 2.54 * 96)
    assert printed.count(b"/Type /Page\n") <= np.ceil(1.25 * high)
