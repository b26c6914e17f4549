"""Accessibility violations that axe-core finds on a page in a browser."""

from typing import TYPE_CHECKING

from axe_playwright_python.base import AXE_SCRIPT

if TYPE_CHECKING:
    from playwright import sync_api

RUN = "([context, options]) => axe.run(context, options)"
# Levels A and AA of WCAG 2.2, and what axe-core calls best practice: landmarks, order of headings.
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# A name that has not the words in it that are seen: still called experimental.
RULES = {"label-content-name-mismatch": {"enabled": True}}


def violations(page: "sync_api.Page", *, without: tuple[str, ...] = ()) -> list[str]:
    """Violations of a page as it is now, a line for each element: its rule, the element and why.

    Args:
        without: selectors of what is not looked at, as it is not ours.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    context = {"include": ["html"], "exclude": [[each] for each in without]}
    options = {"resultTypes": ["violations"], "runOnly": TAGS, "rules": RULES}
    return [
        f"{each['id']}: {' '.join(map(str, node['target']))}: {node['failureSummary']}"
        for each in page.evaluate(RUN, [context, options])["violations"]
        for node in each["nodes"]
    ]
