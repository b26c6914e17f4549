"""A report's markup is what a screen reader and a printer can make sense of."""

import pytest
from bs4 import BeautifulSoup

from synvae_workbench.reports.markup import finish_page


def finished(main, header="<h1>Title</h1>"):
    page = f"<header>{header}</header><nav><ol></ol></nav><main>{main}</main>"
    return BeautifulSoup(finish_page(page, file="n.html"), "html.parser")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("<h3>a</h3><h3>b</h3>", ["h2", "h3"]),
        ("<h2>a</h2><h5>b</h5><h2>c</h2>", ["h2", "h3", "h2"]),
        ("<h1>a</h1><h2>b</h2>", ["h2", "h2"]),
    ],
)
def test_no_heading_skips_a_level(given, expected):
    soup = finished(given)
    assert [each.name for each in soup.select("main h2, main h3, main h4")] == expected
    assert len(soup.select("h1")) == 1


def test_a_header_without_a_text_is_none():
    table = "<table><tr><th scope=col></th><th>a</th></tr></table>"
    soup = finished(f'<div class="output">{table}</div>')
    assert [each.text for each in soup.select("th")] == ["a"]
    assert not soup.select_one("td").attrs
    assert soup.select(".scroll > table")


def test_paper_says_where_sounds_and_code_are():
    soup = finished("<audio></audio><audio></audio><details class=code></details>")
    said = soup.select_one("h1 + .printed").text
    assert said == "A printed copy: its 2 sounds (♪) and its code are in the file n.html."
    assert not finished("<p>x</p>").select(".printed")
