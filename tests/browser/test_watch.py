"""The watch of all live pages over their kernel: what it says, and of what it says nothing."""

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
