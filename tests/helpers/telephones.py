"""What a page is on a telephone and on paper, measured in Chromium."""

import math
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright import sync_api

TELEPHONE = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
    "device_scale_factor": 2,
}
FINGER, LEAST, SMALLEST = 44, 24, 11  # pixels: of a target, of a black key, of letters
FAULTS = """([finger, least, smallest]) => {
  const found = [], seen = node => node.checkVisibility({ visibilityProperty: true })
    && node.getBoundingClientRect().width > 1;
  const name = node => `${node.tagName} ${node.className} ${node.ariaLabel ?? node.textContent}`
    .replace(/\\s+/g, " ").slice(0, 80);
  const { scrollWidth } = document.documentElement;
  if (scrollWidth > innerWidth) found.push(`the page is ${scrollWidth} of ${innerWidth} px wide`);
  const scrolls = node => node && (/auto|scroll/.test(getComputedStyle(node).overflowX)
    && node.scrollWidth > node.clientWidth || scrolls(node.parentElement));
  for (const node of document.body.querySelectorAll("*")) {
    const { left, right, width } = node.getBoundingClientRect();
    if (!width || !seen(node) || scrolls(node.parentElement)) continue;
    if (right > innerWidth + 1 || left < -1)
      found.push(`${Math.round(left)} to ${Math.round(right)} px across: ${name(node)}`);
  }
  const targets = "button, a[href], select, summary, input, audio, [tabindex='0']";
  for (const node of document.querySelectorAll(targets)) {
    const inside = /checkbox|radio|file/.test(node.type) ? node.closest("label")
      : node.closest(".ex-start li") ?? node;  // all of its card is the link
    if (!seen(inside)) continue;
    const { width, height } = inside.getBoundingClientRect();
    if (Math.min(width, height) < (node.matches(".kb-black") ? least : finger) - .5)
      found.push(`a target of ${Math.round(width)} x ${Math.round(height)} px: ${name(node)}`);
  }
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const node = texts.currentNode.parentElement;
    const size = parseFloat(getComputedStyle(node).fontSize);
    if (texts.currentNode.data.trim() && size < smallest && seen(node))
      found.push(`letters of ${size} px: ${name(node)}`);
  }
  return found;
}"""
# Sheets of A4 as Chromium prints them: with margins of 0.4 inches, in CSS pixels.
SHEET_WIDTH, SHEET_HEIGHT = 717, 1046
PRINTED = """() => ({
  height: document.documentElement.scrollHeight,
  players: [...document.querySelectorAll("audio")].filter(each => each.checkVisibility()).length,
  said: [...document.querySelectorAll("figure, .lp-row")].map(node =>
    getComputedStyle(node, "::after").content).join(),
  ink: getComputedStyle(document.querySelector("h1")).color.match(/\\d+/g).map(Number),
})"""


def check_on_a_telephone(page: "sync_api.Page") -> None:
    """Nothing scrolls sideways, a finger meets what it aims at, and letters can be read."""
    found = page.evaluate(FAULTS, [FINGER, LEAST, SMALLEST])
    assert not found, "\n".join(found)


def check_on_paper(page: "sync_api.Page", *, sounds: bool = True) -> bytes:
    """A print has all of a page, on no more sheets than it fills, and says where its sounds are.

    Returns the PDF.
    """
    width, height = page.viewport_size["width"], page.viewport_size["height"]
    page.set_viewport_size({"width": SHEET_WIDTH, "height": SHEET_HEIGHT})
    page.emulate_media(media="print", color_scheme="dark")
    printed = page.evaluate(PRINTED)
    page.emulate_media(media="null", color_scheme="dark")
    pdf = page.pdf(format="A4")
    page.emulate_media(media="null", color_scheme="null")
    page.set_viewport_size({"width": width, "height": height})
    sheets, filled = len(re.findall(rb"/Type /Page\b", pdf)), printed["height"] / SHEET_HEIGHT
    assert not printed["players"], "a player on paper plays nothing"
    assert max(printed["ink"]) < 128, "paper is light where the system is dark"
    # Of each sheet a heading or a roll may leave some room.
    assert filled <= sheets <= math.ceil(1.2 * filled), f"{sheets} sheets for {filled:.2f}"
    assert not sounds or "Its sound plays on the live page." in printed["said"]
    return pdf
