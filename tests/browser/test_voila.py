"""`make explore`: what it serves and what it refuses; most of it needs no browser."""

import http.client
import re
import socket
import subprocess
import sys
import time
from urllib.parse import urlsplit

import psutil
import pytest
from servers import log_in
from telephones import TELEPHONE, check_on_a_telephone

from synvae_workbench.live.server.pages import live_pages as pages_of

SAY_IT = "42_say_it_see_it_hear_it"
NO_KERNEL = "00000000-0000-0000-0000-000000000000"
SHADE = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g)[0] | 0"
WEBSOCKET = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


@pytest.fixture(scope="module")
def ask(live_pages):
    """A function: status, body and headers of a request, with the token unless told otherwise."""

    def send(path, *, method="GET", token=live_pages.token, **headers):
        where = http.client.HTTPConnection("127.0.0.1", urlsplit(live_pages.url).port, timeout=30)
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            headers["Authorization"] = f"token {token}"
        where.request(method, path, headers=headers)  # the path as it stands, dots and all
        answer = where.getresponse()
        body = answer.read().decode(errors="replace")
        where.close()
        return answer.status, body, answer.headers

    return send


def kernels(server):
    return [
        process
        for process in psutil.Process(server.pid).children(recursive=True)
        if "ipykernel_launcher" in " ".join(process.cmdline())
    ]


def test_the_start_page_links_each_live_page_with_a_sentence(ask, live_pages):
    status, body, headers = ask("/")
    assert status == 200
    pages = pages_of(live_pages.notebooks)
    assert re.findall(r'<a href="/([^"]*)"', body) == [page.name for page in pages]
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert "http" not in re.sub(r"</?svg[^>]*>", "", body), "nothing from elsewhere"


def test_the_printed_address_opens_where_a_picture_can_be_dropped(ask, live_pages):
    before = len(kernels(live_pages))
    status, _, headers = ask(f"/?token={live_pages.token}", token=None)
    first = pages_of(live_pages.notebooks)[0].name
    assert (status, headers["Location"]) == (302, f"/{first}"), "the token is not left in view"
    assert first.startswith("40_")
    assert "SameSite=Strict" in headers["Set-Cookie"]
    assert len(kernels(live_pages)) == before


@pytest.mark.parametrize(
    "path",
    [
        "/00_quickstart",
        "/12_train_synvae",
        f"/{SAY_IT}.ipynb",
        f"/{SAY_IT}/../00_quickstart",
        "/voila/render/00_quickstart.ipynb",
        f"/voila/render/{SAY_IT}.ipynb",
        "/voila/tree",
        f"/voila/files/{SAY_IT}.ipynb",
        "/voila/files/../pretrained/synvae_mnist/config.json",
        "/voila/api/contents",
        "/api/contents/00_quickstart.ipynb",
        "/api/kernels",
        "/api/terminals",
        "/lab",
        "/login",
    ],
)
def test_nothing_else_is_there(ask, live_pages, path):
    before = len(kernels(live_pages))
    assert ask(path)[0] == 404
    assert ask(path, method="POST")[0] in (404, 405)
    assert len(kernels(live_pages)) == before, "nothing was started"


@pytest.mark.parametrize(
    "base", ["/voila/static/", "/voila/templates/lab/static/", "/voila/labextensions/"]
)
@pytest.mark.parametrize(
    "way", ["../" * 12, "..%2f" * 12, "%2e%2e/" * 12, "..%5c" * 12, "/", "%2f", "....//" * 12]
)
def test_no_path_leads_out_of_the_static_files(ask, base, way):
    status, body, _ = ask(f"{base}{way}etc/passwd")
    assert status in (403, 404, 500)
    assert "root:" not in body


def test_who_has_no_token_is_told_where_it_is(ask):
    for path in ("/", f"/{SAY_IT}"):
        for token in (None, "guess"):
            status, body, _ = ask(path, token=token)
            assert status == 403
            assert "the whole address that make explore printed" in body


def test_another_name_of_this_machine_gets_no_answer(ask, live_pages):
    port = urlsplit(live_pages.url).port
    assert ask("/", Host=f"localhost:{port}")[0] == 200
    for host in (f"evil.example:{port}", f"127.0.0.1.evil.example:{port}", f"192.0.2.1:{port}"):
        for path in ("/", f"/{SAY_IT}", f"/api/kernels/{NO_KERNEL}"):
            assert ask(path, Host=host)[0] == 403, (host, path)


def test_another_page_cannot_talk_to_a_kernel(ask):
    foreign = {"Origin": "http://evil.example"}
    path = f"/api/kernels/{NO_KERNEL}/channels"
    assert ask(path, token=None, **WEBSOCKET, **foreign)[0] == 403
    assert ask(path, token=None, **WEBSOCKET)[0] == 403
    path = f"/voila/api/shutdown/{NO_KERNEL}"
    assert ask(path, method="POST", token=None, **foreign)[0] in (403, 404)
    assert ask(f"/api/kernels/{NO_KERNEL}", method="DELETE")[0] == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_link_of_another_site_starts_nothing_and_is_led_on(ask, live_pages, site):
    before = kernels(live_pages)
    for token in (live_pages.token, None):
        status, body, _ = ask(f"/{SAY_IT}", token=token, Sec_Fetch_Site=site)
        assert status == 403
        assert "A page of another site led here" in body
        assert '<a href="/">' in body
    assert kernels(live_pages) == before


@pytest.fixture
def in_terminal(live_pages):
    """A function: what the terminal has said since the test began."""
    before = len(live_pages.log.read_text(encoding="utf-8"))
    return lambda: live_pages.log.read_text(encoding="utf-8")[before:]


def hang_up(live_pages, path, cookie="", seconds=0.0):
    """Asks as a browser does, and goes away without waiting for an answer."""
    port = urlsplit(live_pages.url).port
    headers = WEBSOCKET | {"Host": f"127.0.0.1:{port}", "Cookie": cookie}
    if "channels" not in path:
        headers = {"Host": headers["Host"], "Cookie": cookie}
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        time.sleep(seconds)


def test_a_refused_websocket_leaves_no_traceback(ask, live_pages, in_terminal):
    _, _, headers = ask(f"/?token={live_pages.token}", token=None)
    cookie = headers["Set-Cookie"].partition(";")[0]
    for who in ("", cookie):
        for seconds in (0, 0.01):
            hang_up(live_pages, f"/api/kernels/{NO_KERNEL}/channels", who, seconds)
    assert ask("/")[0] == 200  # by then it has noticed all of them
    assert "Traceback" not in in_terminal()


def test_a_tab_that_is_closed_at_once_leaves_no_kernel(ask, live_pages, in_terminal):
    _, _, headers = ask(f"/?token={live_pages.token}", token=None)
    before = set(kernels(live_pages))
    hang_up(live_pages, f"/{SAY_IT}", headers["Set-Cookie"].partition(";")[0], seconds=1.5)
    started = set(kernels(live_pages)) - before
    assert started
    psutil.wait_procs(started, timeout=60)
    assert not any(each.is_running() for each in started)
    assert "Traceback" not in in_terminal()


def test_it_listens_on_this_machine_alone(live_pages):
    processes = [psutil.Process(live_pages.pid), *kernels(live_pages)]
    listening = [
        each.laddr.ip
        for process in processes
        for each in process.net_connections("inet")
        if each.status == psutil.CONN_LISTEN
    ]
    assert listening
    assert set(listening) == {"127.0.0.1"}


def explored(*options):
    command = [sys.executable, "-m", "synvae_workbench", "explore", *options]
    return subprocess.run(command, capture_output=True, encoding="utf-8", timeout=60, check=False)


def test_a_port_that_is_taken_is_said_in_a_sentence(live_pages):
    done = explored("--port", str(urlsplit(live_pages.url).port))
    assert done.returncode == 2
    assert re.fullmatch(r"error: port \d+ is taken, perhaps by .* PORT=8867`\n", done.stderr)


def test_a_parameter_that_no_page_has_is_refused(live_pages):
    done = explored("--notebooks", str(live_pages.notebooks), "-p", "SMOK", "true")
    assert done.returncode == 2
    assert "no live page has a parameter 'SMOK'" in done.stderr


def test_a_folder_without_live_pages_is_refused(tmp_path):
    done = explored("--notebooks", str(tmp_path))
    assert done.returncode == 2
    assert "has no live page" in done.stderr


def test_the_start_page_is_lit_as_the_system_and_fits(live_pages, new_page, artifacts):
    for scheme, width in (("light", 1280), ("dark", 1280), ("light", 600)):
        look = {"color_scheme": scheme, "viewport": {"width": width, "height": 900}}
        page = new_page(**look)
        log_in(page, live_pages)
        page.goto(live_pages.url)
        assert (page.evaluate(SHADE) < 60) == (scheme == "dark")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.screenshot(path=artifacts / f"explore_{scheme}_{width}.png")
        page.context.close()
    page = new_page(**TELEPHONE)
    log_in(page, live_pages)
    page.goto(live_pages.url)
    check_on_a_telephone(page)
    page.context.close()


def test_a_page_from_its_link_to_the_end_of_its_kernel(live_pages, new_page, artifacts):
    before = set(kernels(live_pages))
    page = new_page(color_scheme="dark")
    log_in(page, live_pages)
    page.goto(live_pages.url)
    page.get_by_role("link", name="Say it, see it, hear it").focus()
    page.keyboard.press("Enter")
    page.get_by_role("progressbar").wait_for()
    page.screenshot(path=artifacts / "explore_loading.png")
    page.get_by_role("button", name="Record", exact=True).wait_for()
    (started,) = set(kernels(live_pages)) - before
    assert page.title() == "Say it, see it, hear it"
    assert "import numpy" not in page.content(), "no code is shown"
    page.screenshot(path=artifacts / "voila_dark.png")
    assert page.evaluate(SHADE) < 60
    page.emulate_media(color_scheme="light")
    assert page.evaluate(SHADE) > 200, "follows the system while it is open"
    with page.expect_event("close"):
        page.close(run_before_unload=True)
    psutil.wait_procs([started], timeout=60)
    assert not started.is_running()
