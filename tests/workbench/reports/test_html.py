"""A report is one file that shows everything, fetches nothing, and takes text for text."""

import base64

import nbformat
import pytest
from bs4 import BeautifulSoup

from synvae_workbench.provenance import MIME_TYPE, provenance
from synvae_workbench.reports import export_html

new = nbformat.v4
PIXEL = base64.b64encode(b"\x89PNG....").decode()
WARNINGS = """/x y/a.py:3: UserWarning: <b>odd</b>
  warnings.warn("<b>odd</b>")
/x y/a.py:3: UserWarning: <b>odd</b>
a message
\x1b[33mWARNING:root:\x1b[0mlate
"""
SVG = '<svg role="img" aria-label="A &lt;b&gt;: 1 &amp; 2."><g/></svg>'
MARKUP = "<img src=http://x onerror=alert(1)>&\"'"


def output(**data):
    return new.new_output("display_data", data={k.replace("_", "/"): v for k, v in data.items()})


@pytest.fixture(scope="module")
def soup(tmp_path_factory):
    code = new.new_code_cell("x = '<i>'  # " + MARKUP, execution_count=1)
    code.outputs = [
        new.new_output("stream", text="plain <u>text</u>"),
        new.new_output("stream", name="stderr", text=WARNINGS),
        output(image_png=PIXEL, text_plain="<Figure>"),
        new.new_output("display_data", data={"image/svg+xml": SVG}),
        output(text_html="<table><tr><td>3</td></tr></table>"),
        output(text_html='<audio controls src="data:audio/mpeg;base64,AAAA"></audio>'),
        new.new_output(
            "display_data",
            data={"application/vnd.jupyter.widget-view+json": {}, "text/plain": "IntSlider()"},
        ),
        output(application_javascript="alert(1)"),
        new.new_output("display_data", data={MIME_TYPE: {}, "text/plain": "seed: 4"}),
    ]
    parameters = new.new_code_cell("NAME = 'n'  # shown\nBETA = 0.5  # weight <b>")
    parameters.metadata.tags = ["parameters"]
    cells = [
        new.new_markdown_cell(
            "# The `title` & <more>\n\nWhat is asked. [Paper](https://example.org)"
        ),
        parameters,
        new.new_markdown_cell("## Same\n\ntext\n\n## Same\n\n### Ünder\n\n| a |\n|---|\n| b |"),
        code,
    ]
    notebook = new.new_notebook(cells=cells)
    notebook.metadata.papermill = {
        "parameters": {"NAME": MARKUP},
        "start_time": "2026-11-21T10:00:00+00:00",
        "duration": 252.4,
    }
    notebook.metadata.widgets = {"application/vnd.jupyter.widget-state+json": {"state": {}}}
    facts = provenance(seed=4, device=f"CPU {MARKUP}", data={"digits": "sha256:00ff"})
    folder = tmp_path_factory.mktemp("html")
    nbformat.write(notebook, folder / "n.ipynb")
    export_html(folder / "n.ipynb", folder / "n.html", provenance=facts)
    return BeautifulSoup((folder / "n.html").read_text(encoding="utf-8"), "html.parser")


def test_nothing_is_fetched(soup, remote_references):
    assert remote_references(str(soup)) == []
    policy = soup.select_one('meta[http-equiv="Content-Security-Policy"]')["content"]
    assert "default-src 'none'" in policy
    assert "http" not in policy


@pytest.mark.parametrize(
    "page",
    [
        '<script src="https://cdn.example/require.js"></script>',
        '<link rel="stylesheet" href="//cdn.example/a.css">',
        "<img src='figure.png'>",
        "<style>@import 'http://x/y.css'</style>",
        '<p style="background: url(http://x/y.png)"></p>',
        "<script>import('https://cdn.example/mermaid.mjs')</script>",
    ],
)
def test_what_would_be_fetched_is_found(page, remote_references):
    assert remote_references(page) != []


def test_the_header_tells_where_it_comes_from(soup):
    assert soup.h1.text == "The title & <more>"
    assert soup.title.text == "The title & <more>"
    header = soup.select_one("header").text
    for fact in ("2026", "4 min 12 s", "sha256:00ff", "numpy", "python", "0.5", "shown", "Seed"):
        assert fact in header
    assert [row.th.text for row in soup.select("tr.changed")] == ["NAME"]
    folded = [card.summary.text for card in soup.select("header details:not([open])")]
    assert folded == ["Parameters", "Versions and data"]


def test_markup_in_values_is_shown_as_text(soup):
    assert not soup.select("[onerror]")
    assert repr(MARKUP) in soup.select_one("tr.changed code").text
    assert f"CPU {MARKUP}" in soup.select_one("header").text
    assert "weight <b>" in soup.select_one("header").text
    assert "plain <u>text</u>" in soup.select_one("main").text


def test_code_and_warnings_are_folded(soup):
    folded = soup.select("details.code")
    assert len(folded) == 3
    assert not any(details.has_attr("open") for details in folded)
    assert "a message" in folded[-1].text


def test_the_header_lists_every_warning_once_as_text_with_its_cell(soup):
    listed = soup.select(".warnings li")
    assert [item.text for item in listed] == [
        "UserWarning: <b>odd</b> cell 4, 2 times",
        "WARNING:root:late cell 4",
    ]
    assert soup.select_one(".warnings summary").text == "2 warnings"
    assert all(soup.select_one(item.a["href"]) for item in listed)


def test_the_title_stands_once_and_the_contents_reach_every_heading(soup):
    assert len(soup.select("h1")) == 1
    links = soup.select("nav ol a")
    assert [link.text for link in links] == ["Same", "Same", "Ünder"]
    targets = [soup.find(id=link["href"][1:]) for link in links]
    assert [target.name for target in targets] == ["h2", "h2", "h3"]
    assert targets[0] is not targets[1]


def test_outputs_are_embedded(soup):
    pictures = [image["src"] for image in soup.select("main img")]
    assert pictures[0] == f"data:image/png;base64,{PIXEL}"
    assert pictures[1].startswith("data:image/svg+xml;base64,")
    said = [image["alt"] for image in soup.select("main img")]
    assert said == ["Figure of the section “Ünder”", "A <b>: 1 & 2."]
    assert soup.select_one("audio")["src"].startswith("data:audio/mpeg")
    assert len(soup.select("main .scroll > table")) == 2


def test_widgets_scripts_and_records_are_left_out(soup):
    text = soup.select_one("main").text
    for absent in ("IntSlider", "alert(1);", "seed: 4", "<Figure>"):
        assert absent not in text
    assert not soup.select("script[type]")


def test_the_run_s_own_record_says_how_long_it_took_where_papermill_does_not(tmp_path):
    nbformat.write(new.new_notebook(cells=[new.new_code_cell("1")]), tmp_path / "own.ipynb")
    facts = provenance() | {"duration_s": 3725.4}
    page = export_html(tmp_path / "own.ipynb", tmp_path / "own.html", provenance=facts).read_text(
        encoding="utf-8"
    )
    assert "1 h 2 min" in BeautifulSoup(page, "html.parser").select_one("header").text


def test_a_notebook_without_title_or_parameters_has_a_report_too(tmp_path):
    nbformat.write(new.new_notebook(cells=[new.new_code_cell("1")]), tmp_path / "bare.ipynb")
    page = export_html(tmp_path / "bare.ipynb", tmp_path / "bare.html").read_text(encoding="utf-8")
    soup = BeautifulSoup(page, "html.parser")
    assert soup.h1.text == "bare"
    assert not soup.select("nav")
    nbformat.write(new.new_notebook(), tmp_path / "empty.ipynb")
    assert export_html(tmp_path / "empty.ipynb", tmp_path / "empty.html").is_file()
