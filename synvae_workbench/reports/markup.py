"""The markup of a report after nbconvert: contents, order of headings, tables that scroll."""

import re

from bs4 import BeautifulSoup


def finish_page(page: str, *, file: str) -> str:
    """Adds contents, wraps tables, and mends the order of headings and headers without a text.

    Args:
        file: name of the report, which a printed copy leads to.
    """
    soup = BeautifulSoup(page, "html.parser")
    _order_headings(soup)
    _add_contents(soup)
    for table in soup.select("main .output table, main .prose table"):
        table.wrap(soup.new_tag("div", attrs={"class": "scroll"}))
    for header in soup.select("th"):
        if not header.get_text(strip=True):
            header.name = "td"  # nothing to call a column by
            header.attrs.pop("scope", None)
    _lead_to(soup, file)
    return str(soup)


def _order_headings(soup: BeautifulSoup) -> None:
    """Raises headings that skip a level: they come from notebooks, and from what these display."""
    last = 1
    for heading in soup.select("main h1, main h2, main h3, main h4, main h5, main h6"):
        level = min(max(int(heading.name[1]), 2), last + 1)
        heading.name, last = f"h{level}", level


def _add_contents(soup: BeautifulSoup) -> None:
    """Lists the headings in `nav`, each of which gets an id of its own."""
    items, seen = soup.select_one("nav ol"), set()
    for heading in soup.select("main h2, main h3"):
        words = re.sub(r"[^\w]+", "-", heading.get_text().lower()).strip("-") or "section"
        anchor, count = words, 1
        while anchor in seen:
            count += 1
            anchor = f"{words}-{count}"
        seen.add(anchor)
        heading["id"] = anchor
        item = soup.new_tag("li", attrs={"class": heading.name})
        link = soup.new_tag("a", href=f"#{anchor}")
        link.string = heading.get_text()
        item.append(link)
        items.append(item)
    if not seen:
        soup.select_one("nav").decompose()


def _lead_to(soup: BeautifulSoup, file: str) -> None:
    """Says on paper what a printed copy cannot do, and where it can be had."""
    sounds, codes = len(soup.select("audio")), len(soup.select("details.code"))
    if not sounds and not codes:
        return
    line = soup.new_tag("p", attrs={"class": "printed"})
    parts = [f"its {sounds} sound{'s' * (sounds > 1)} (♪)"] if sounds else []
    parts += ["its code"] if codes else []
    line.string = f"A printed copy: {' and '.join(parts)} are in the file "
    name = soup.new_tag("code")
    name.string = file
    line.extend([name, "."])
    soup.select_one("h1").insert_after(line)
