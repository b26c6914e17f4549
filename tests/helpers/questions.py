"""What a live page asks its kernel for while a hand drags a slider: see explore_synvae.js."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright import sync_api

WATCH = """field => {
  window.asked = [];
  const send = WebSocket.prototype.send, value = new RegExp(`"${field}": ?([-.e0-9]+)`);
  WebSocket.prototype.send = function (data) {
    const found = value.exec(typeof data === "string" ? data : new TextDecoder().decode(data));
    if (found) asked.push(+found[1]);
    return send.call(this, data);
  };
}"""
SLIDE = """(slider, values) => {
  asked.length = 0;
  return values.map(value => {
    slider.value = value; slider.dispatchEvent(new Event("input", { bubbles: true }));
    return +slider.value;
  });
}"""


def watch(page: "sync_api.Page", field: str) -> None:
    """From now on remembers the numbers that messages to the kernel carry under a name."""
    page.evaluate(WATCH, field)


def asked_values(page: "sync_api.Page") -> list[float]:
    """Those of which the kernel was told, since the page is watched or `slide` was called."""
    return page.evaluate("asked")


def slide(slider: "sync_api.Locator", values: Sequence[float]) -> list[float]:
    """Moves a slider at once, so that no answer comes in between; gives where it stood."""
    return slider.evaluate(SLIDE, values)
