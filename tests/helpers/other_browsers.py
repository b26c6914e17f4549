"""Firefox and WebKitGTK, each by the protocol that it speaks itself: WebDriver BiDi and WebDriver.

Playwright drives builds of its own, and Firefox as it is only from the version on that emulates
media. Of both protocols little is needed: a page is opened, a script of it is run, a hand moves.
"""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import websocket
from servers import running

START_SECONDS, ANSWER_SECONDS, PAGE_SECONDS = 90, 120, 240  # on a busy machine
SIZE = 1280, 900
# A microphone that beeps, and nothing that asks for one, or the network for news.
PREFERENCES = {
    "media.navigator.streams.fake": True,
    "media.navigator.permission.disabled": True,
    "app.normandy.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.systemAddon.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,",
}
# A function of a page called with what JSON can hold, and its answer as JSON.
CALL = "(async () => JSON.stringify(await ({})(...{})) ?? 'null')()"
PLACE = """(selector, text) => {
  const node = [...document.querySelectorAll(selector)].find(each => each.checkVisibility()
    && each.textContent.includes(text));
  if (!node) throw new Error(`no ${selector} with "${text}"`);
  node.scrollIntoView({ block: "center", behavior: "instant" });
  const { left, top, width, height } = node.getBoundingClientRect();
  return [Math.round(left + width / 2), Math.round(top + height / 2)];
}"""
# Said by hand: WebKit's protocol tells nothing of what a page complains of.
HEAR = """() => {
  window.complaints ??= [];
  addEventListener("error", event => complaints.push(String(event.message)));
  addEventListener("unhandledrejection", event => complaints.push(String(event.reason)));
}"""


class Driven:
    """A browser with one page; `name` is the browser's. A protocol is in `_run`, `_act`, `open`."""

    name = ""

    def open(self, address: str) -> None:
        """Opens an address, and returns when it is loaded."""
        raise NotImplementedError

    def _run(self, expression: str) -> str:
        raise NotImplementedError

    def _act(self, sources: list[dict]) -> None:
        raise NotImplementedError

    def evaluate(self, function: str, *values: object) -> object:
        """What a function of the page gives for some values; a promise is awaited."""
        return json.loads(self._run(CALL.format(function, json.dumps(values))))

    def wait_for(self, function: str, *values: object) -> object:
        """Waits until a function of the page gives something that is true, and gives that."""
        until = time.monotonic() + PAGE_SECONDS
        while not (found := self.evaluate(function, *values)):
            if time.monotonic() > until:
                raise TimeoutError(f"{self.name} waited for {function} in vain: {self.words()}")
            time.sleep(0.1)
        return found

    def wait_to_see(self, selector: str, text: str = "") -> None:
        """Waits until such an element with this text is there and can be seen."""
        self.wait_for(
            "(selector, text) => [...document.querySelectorAll(selector)].some(each =>"
            " each.checkVisibility() && each.textContent.includes(text))",
            selector,
            text,
        )

    def words(self) -> str:
        """The end of what stands on the page."""
        return str(self.evaluate("() => document.body.innerText"))[-800:]

    def hear_complaints(self) -> None:
        """From now on remembers what the page complains of."""
        self.evaluate(HEAR)

    def complaints(self) -> list[str]:
        """What it complained of."""
        return self.evaluate("() => window.complaints ?? []")

    def click(self, selector: str, text: str = "") -> None:
        """Clicks the first such element that can be seen and has this text, as a mouse does."""
        self.wait_to_see(selector, text)
        place = None
        while place != (place := self.evaluate(PLACE, selector, text)):
            time.sleep(0.1)  # what the kernel sends moves what stands below
        x, y = place
        steps = [{"type": "pointerMove", "x": x, "y": y, "duration": 0}]
        steps += [{"type": kind, "button": 0} for kind in ("pointerDown", "pointerUp")]
        mouse = {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}}
        self._act([mouse | {"actions": steps}])

    def press(self, key: str) -> None:
        """Presses a key and lets it go."""
        steps = [{"type": kind, "value": key} for kind in ("keyDown", "keyUp")]
        self._act([{"type": "key", "id": "keys", "actions": steps}])


class Firefox(Driven):
    """A headless Firefox, by WebDriver BiDi."""

    name = "Firefox"

    def __init__(self, address: str):
        # Firefox refuses those that name an origin, as web pages do.
        options = {"timeout": ANSWER_SECONDS, "suppress_origin": True}
        self.socket = websocket.create_connection(f"{address}/session", **options)
        self.asked = 0
        self.version = self._ask("session.new", capabilities={})["capabilities"]["browserVersion"]
        self.page = {"context": self._ask("browsingContext.getTree")["contexts"][0]["context"]}
        self._ask("browsingContext.setViewport", **self.page, viewport=size_of(*SIZE))

    def _ask(self, method: str, **parameters: object) -> dict:
        self.asked += 1
        self.socket.send(json.dumps({"id": self.asked, "method": method, "params": parameters}))
        while (answer := json.loads(self.socket.recv())).get("id") != self.asked:
            pass
        if answer["type"] == "error":
            raise RuntimeError(f"{method}: {answer['error']}: {answer['message']}")
        return answer["result"]

    def open(self, address: str) -> None:
        self._ask("browsingContext.navigate", **self.page, url=address, wait="complete")

    def _run(self, expression: str) -> str:
        found = self._ask(
            "script.evaluate", expression=expression, target=self.page, awaitPromise=True
        )
        if found["type"] == "exception":
            raise RuntimeError(found["exceptionDetails"]["text"])
        return found["result"]["value"]

    def _act(self, sources: list[dict]) -> None:
        self._ask("input.performActions", **self.page, actions=sources)

    def screenshot(self, path: Path) -> None:
        """Writes what can be seen as a PNG."""
        found = self._ask("browsingContext.captureScreenshot", **self.page)
        path.write_bytes(b64decode(found["data"]))


class WebKit(Driven):
    """WebKitGTK's MiniBrowser, by WebDriver."""

    name = "WebKitGTK"

    def __init__(self, address: str):
        self.address = f"{address}/session"
        options = {"args": ["--automation", "--enable-write-console-messages-to-stdout=true"]}
        wanted = {"timeouts": TIMEOUTS, "webkitgtk:browserOptions": options}
        found = self._ask("POST", "", {"capabilities": {"alwaysMatch": wanted}})
        self.version = found["capabilities"]["browserVersion"]
        self.address += f"/{found['sessionId']}"
        self._ask("POST", "/window/rect", size_of(*SIZE))

    def _ask(self, method: str, path: str, body: dict | None = None) -> dict:
        data = None if body is None else json.dumps(body).encode()
        kind = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.address + path, data, kind, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PAGE_SECONDS) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            said = json.load(error)["value"]
            raise RuntimeError(f"{path}: {said['error']}: {said['message']}") from None

    def open(self, address: str) -> None:
        self._ask("POST", "/url", {"url": address})

    def _run(self, expression: str) -> str:
        failed = "error => done({failed: `${error}`})"
        script = f"const done = arguments[0]; {expression}.then(done, {failed})"
        found = self._ask("POST", "/execute/async", {"script": script, "args": []})
        if isinstance(found, dict):
            raise RuntimeError(found["failed"])
        return found

    def _act(self, sources: list[dict]) -> None:
        self._ask("POST", "/actions", {"actions": sources})

    def screenshot(self, path: Path) -> None:
        """Writes what can be seen as a PNG."""
        path.write_bytes(b64decode(self._ask("GET", "/screenshot")))


TIMEOUTS = {"script": ANSWER_SECONDS * 1000, "pageLoad": PAGE_SECONDS * 1000}


def size_of(width: int, height: int) -> dict[str, int]:
    """A size as both protocols have it."""
    return {"width": width, "height": height}


@contextlib.contextmanager
def firefox(folder: Path) -> Iterator[Firefox]:
    """A Firefox of this system, with a profile of its own in an empty folder.

    Raises:
        LookupError: if there is none.
    """
    program = shutil.which("firefox-esr") or shutil.which("firefox")
    if not program:
        raise LookupError("Firefox is not installed")
    lines = [f"user_pref({json.dumps(k)}, {json.dumps(v)});" for k, v in PREFERENCES.items()]
    (folder / "user.js").write_text("\n".join(lines), encoding="utf-8")
    command = [program, "--headless", "--no-remote", "--profile", str(folder)]
    command += ["--remote-debugging-port", "0"]
    started = running(
        command, folder / "said.txt", r"listening on (ws://\S+)", seconds=START_SECONDS
    )
    with started as (found, process):
        browser = Firefox(found[1])
        try:
            yield browser
        finally:
            with contextlib.suppress(RuntimeError, websocket.WebSocketException, OSError):
                browser._ask("browser.close")
            browser.socket.close(timeout=1)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)


@contextlib.contextmanager
def webkit(folder: Path) -> Iterator[WebKit]:
    """The WebKitGTK of this system, on a screen that nobody sees.

    Raises:
        LookupError: if it is not there, or no such screen.
    """
    driver, screen = (shutil.which(name) for name in ("WebKitWebDriver", "Xvfb"))
    if not driver or not screen:
        raise LookupError("WebKitGTK's driver or Xvfb is not installed (webkit2gtk-driver, xvfb)")
    port = free_port()
    display = [screen, "-displayfd", "1", "-screen", "0", "1400x1000x24", "-nolisten", "tcp"]
    screens = running(display, folder / "screen.txt", r"(\d+)\n", seconds=START_SECONDS)
    with screens as (found, _):
        home = {"DISPLAY": f":{found[1]}", "HOME": str(folder), "NO_AT_BRIDGE": "1"}
        command = [driver, f"--port={port}", "--host=127.0.0.1"]
        with running(command, folder / "said.txt", "", env=os.environ | home):
            until = time.monotonic() + START_SECONDS
            while not answers(port):
                if time.monotonic() > until:
                    raise RuntimeError("WebKitWebDriver does not start")
                time.sleep(0.1)
            browser = WebKit(f"http://127.0.0.1:{port}")
            try:
                yield browser
            finally:
                with contextlib.suppress(RuntimeError, OSError):
                    browser._ask("DELETE", "")


def free_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def answers(port: int) -> bool:
    """Whether somebody listens at a port of this machine."""
    with socket.socket() as found:
        return found.connect_ex(("127.0.0.1", port)) == 0
