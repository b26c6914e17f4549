"""What all live pages share: the watch over their kernel, and refusals beside what caused them."""

import pytest

from synvae_workbench.live.assets import HERE

FAKE = """kind => {
  const signal = () => {
    const all = new Set();
    return { connect: f => all.add(f), disconnect: f => all.delete(f), size: () => all.size,
      emit: () => { for (const f of all) f(); } };
  };
  window.kernel = { status: "idle", connectionStatus: "connected", isDisposed: false,
    statusChanged: signal(), connectionStatusChanged: signal(), disposed: signal() };
  window.become = values => { Object.assign(kernel, values);
    kernel.statusChanged.emit(); kernel.connectionStatusChanged.emit(); };
  document.body.className = kind;
}"""


@pytest.fixture(params=["ex-page"])
def page(new_page, request):
    page = new_page(allowed="about:")
    page.clock.install()
    page.evaluate(FAKE, request.param)
    script = (HERE / "common.js").read_text(encoding="utf-8")
    watch = "watchComputer({ widget_manager: { kernel } }, document.body)"
    page.add_script_tag(content=f"{script}; window.unwatch = {watch};")
    yield page
    page.context.close()


def said(page):
    return page.get_by_role("alert").inner_text()


@pytest.mark.parametrize(
    "state", [{"status": "dead"}, {"status": "autorestarting"}, {"isDisposed": True}]
)
def test_a_kernel_that_has_ended_is_said_at_once_and_for_good(page, state):
    page.evaluate("values => become(values)", {"status": "busy"})
    assert said(page) == ""
    page.evaluate("values => become(values)", state)
    assert said(page).startswith("This page has lost its computer; reload.")
    page.evaluate("values => become(values)", {"status": "idle", "isDisposed": False})
    assert "lost" in said(page), "another kernel knows nothing of this page"


def test_a_server_that_is_away_is_said_after_some_seconds_until_it_is_back(page):
    page.evaluate("values => become(values)", {"connectionStatus": "connecting"})
    page.clock.run_for(2000)
    page.evaluate("values => become(values)", {"connectionStatus": "connected"})
    page.clock.run_for(5000)
    assert said(page) == "", "a short interruption is nothing to say"
    page.evaluate("values => become(values)", {"connectionStatus": "connecting"})
    page.clock.run_for(3500)
    assert "lost its computer" in said(page)
    page.evaluate("values => become(values)", {"connectionStatus": "connected"})
    assert said(page) == ""


@pytest.mark.parametrize("page", [""], indirect=True)
def test_in_a_notebook_it_says_what_helps_there(page):
    page.evaluate("values => become(values)", {"status": "restarting"})
    assert said(page) == "This page has lost its computer; run its cells again."


def test_its_end_leaves_nothing_behind(page):
    page.evaluate("values => become(values)", {"connectionStatus": "connecting"})
    page.evaluate("unwatch()")
    page.clock.run_for(5000)
    assert said(page) == ""
    assert page.evaluate("kernel.statusChanged.size()") == 0


FORM = """
<div style="height: 1500px"></div>
<div class="em-row"><button id="upload">Upload</button></div>
<div style="height: 1500px"></div>
<button id="swap">Swap</button>
<div style="height: 1500px"></div>
<p role="status"></p>
"""
SIZES = [{"width": 1280, "height": 800}, {"width": 390, "height": 844}]


@pytest.mark.parametrize("size", SIZES, ids=["desk", "telephone"])
def test_a_refusal_stands_beside_its_control_in_view_and_is_an_alert_once(new_page, size):
    page = new_page(allowed="about:", viewport=size)
    page.set_content(FORM)
    script = (HERE / "common.js").read_text(encoding="utf-8")
    made = "besideControls(document.body, document.querySelector('[role=status]'))"
    page.add_script_tag(content=f"{script}; window.beside = {made};")
    alerts = page.get_by_role("alert")
    for control, before in (("upload", ".em-row"), ("swap", "#swap")):
        page.locator(f"#{control}").click()
        page.evaluate("beside.refuse('Not used: <b>too large</b>.')")
        assert alerts.all_inner_texts() == ["Not used: <b>too large</b>."]
        assert alerts.evaluate(
            "(node, above) => node.previousElementSibling.matches(above)", before
        )
        place = alerts.bounding_box()
        assert 0 <= place["y"] <= size["height"] - place["height"]
    page.evaluate("window.scrollTo(0, 0); beside.used(null); beside.refuse('Not possible.')")
    assert alerts.evaluate("node => node.nextElementSibling.matches('[role=status]')")
    place = alerts.bounding_box()
    assert 0 <= place["y"] <= size["height"] - place["height"]
    page.evaluate("beside.clear()")
    assert alerts.count() == 0
    page.context.close()
