"""What a screen reader has to say of a page: its outline, what has the focus, what is announced.

Taken from Chromium's accessibility tree and from live regions, in the order in which it is said.
`SYNVAE_SAID=write` writes the golden files anew, in place of comparing with them.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright import sync_api

FOLDER = Path(__file__).parents[1] / "browser" / "said"
PARTS = ("main", "navigation", "heading", "listbox", "image")  # of an outline
STATES = ("checked", "selected", "pressed", "expanded", "disabled")
QUIET = 250  # milliseconds in which whatever belongs to a key has been said
WATCH = """() => {
  window.announced = [];
  new MutationObserver(changes => {
    const regions = changes.map(({ target }) => (target.closest ? target : target.parentElement)
      ?.closest("[role=status], [aria-live], output"));
    const added = changes.flatMap(({ addedNodes }) => [...addedNodes]);
    const alerts = added.filter(node => node.role === "alert");
    for (const region of new Set([...regions, ...alerts]))
      if (region?.textContent) announced.push(region.textContent);
  }).observe(document, { subtree: true, childList: true, characterData: true });
}"""
TOLD = """() => {
  const of = name => document.activeElement?.getAttribute(name) ?? "", place = of("aria-posinset");
  return [of("aria-valuetext"), place && `${place} of ${of("aria-setsize")}`];
}"""


class Ear:
    """Keeps the lines that a screen reader would say, and compares them with a golden file.

    Args:
        page: as it is when it has opened.
        busy: selector of what is there while the page waits for its kernel.
    """

    def __init__(self, page: "sync_api.Page", busy: str = "[data-busy]") -> None:
        self._page, self._busy = page, busy
        self._cdp = page.context.new_cdp_session(page)
        self._cdp.send("Accessibility.enable")
        page.evaluate(WATCH)
        self._last = ""
        self.lines: list[str] = []

    def outline(self) -> None:
        """Landmarks, headings, lists and pictures in their order."""
        nodes = self._cdp.send("Accessibility.getFullAXTree")["nodes"]
        by_id = {node["nodeId"]: node for node in nodes}

        def walk(node: dict[str, Any], depth: int) -> None:
            role = _value(node.get("role"))
            told = not node["ignored"] and role in PARTS
            if told and (name := _value(node.get("name"))) + role != "image":
                level = _properties(node).get("level", "")
                size = len(node["childIds"]) if role == "listbox" else ""
                words = [f"{role}{level and f' {level}'}", name, size and f"{size} items"]
                self.lines.append("  " * depth + ", ".join(filter(None, words)))
            for child in node.get("childIds", []):
                walk(by_id[child], depth + (told and role in PARTS[:2]))

        walk(nodes[0], 0)

    def focus(self, where: "sync_api.Locator") -> None:
        """Goes to a control, and keeps what is said of it."""
        where.focus()
        self._keep("go to")

    def press(self, key: str, *, until: str = "") -> None:
        """Presses a key, and keeps what is said until the page rests.

        Args:
            until: a word that the page says last, where it does not show that it is busy.
        """
        self._page.keyboard.press(key)
        if until:
            wait = "word => announced.some(said => said.includes(word))"
            self._page.wait_for_function(wait, arg=until)
        self._keep(f"press {key}")

    def compare(self, name: str) -> None:
        """Fails unless all that was kept is what the golden file of that name holds."""
        path, said = FOLDER / f"{name}.txt", "\n".join(self.lines) + "\n"
        if os.environ.get("SYNVAE_SAID") == "write":
            path.write_text(said, encoding="utf-8")
        assert said == path.read_text(encoding="utf-8")

    def _keep(self, what: str) -> None:
        self._page.wait_for_function(f"!document.querySelector({self._busy!r})")
        self._page.wait_for_timeout(QUIET)
        self._page.wait_for_function(f"!document.querySelector({self._busy!r})")
        said = [f'  says "{each}"' for each in self._page.evaluate("announced.splice(0)")]
        here = self._here()
        moved, self._last = here != self._last, here
        self.lines += [f"> {what}", *(moved * [f"  {here}"]), *said]

    def _here(self) -> str:
        """What has the focus: role, name, value, states, place in its list, description."""
        found = self._cdp.send("Runtime.evaluate", {"expression": "document.activeElement"})
        where = {"objectId": found["result"]["objectId"], "fetchRelatives": False}
        node = self._cdp.send("Accessibility.getPartialAXTree", where)["nodes"][0]
        states, (value, place) = _properties(node), self._page.evaluate(TOLD)
        words = [f'{_value(node.get("role"))} "{_value(node.get("name"))}"']
        words.append(value or _value(node.get("value")))
        words += [each for each in STATES if states.get(each) in (True, "true")]
        words += [place, _value(node.get("description"))]
        return ", ".join(filter(None, words))


def _value(field: dict[str, Any] | None) -> str:
    return str((field or {}).get("value", ""))


def _properties(node: dict[str, Any]) -> dict[str, Any]:
    return {each["name"]: each["value"].get("value") for each in node.get("properties", [])}
