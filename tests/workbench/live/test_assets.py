"""Scripts and styles of live pages: what they may not do."""

import pytest

from synvae_workbench.live.assets import HERE, read_assets

FILES = sorted([*HERE.glob("*.js"), *HERE.glob("*.css")])
# Of pages that the kernel made, in which names are escaped.
MARKUP = {"recorder.js": ["innerHTML = page"]}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_page_fetches_nothing_and_writes_no_foreign_text_as_html(path):
    part = path.read_text(encoding="utf-8").replace("over https", "")
    assert path.suffix == ".js" or "url(" not in part
    for way in ("http", "@import", "import {", "import(", "XMLHttp", "WebSocket"):
        assert way not in part
    for way in ("outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function("):
        assert way not in part
    allowed = MARKUP.get(path.name, [])
    assert part.count("HTML") == len(allowed)
    assert all(way in part for way in allowed)


def test_all_begin_with_what_is_common():
    script, style = read_assets("draw.js", "explore_synvae.js"), read_assets("explore_synvae.css")
    assert script.index("const make") < script.index("export default")
    assert script.count("const make =") == 1
    assert style.startswith((HERE / "common.css").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "name",
    [
        "explore_synvae.js",
        "explore_music.js",
        "explore_faces.js",
        "explore_loops.js",
        "recorder.js",
        "screens.js",
    ],
)
def test_each_page_says_that_its_kernel_is_gone(name):
    assert "watchComputer(model, el)" in (HERE / name).read_text(encoding="utf-8")
