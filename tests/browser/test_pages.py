"""The index of a sweep as a person meets it: a file without a network, whose table sorts."""

import json

import pytest

from synvae_workbench.reports.sweep import write_sweep_page


def cell(beta, error):
    run = {"name": f"b{beta}", "step": "main", "state": "done", "report": None, "seconds": 9.0}
    run |= {"error": None, "metrics": {} if error is None else {"notes/squared_error": error}}
    state = "done" if error else "failed"
    return {"name": f"b{beta}", "parameters": {"BETA": beta}, "state": state, "runs": [run]}


@pytest.fixture(scope="module")
def page(tmp_path_factory, new_page):
    digest = tmp_path_factory.mktemp("sweep") / "runs" / "beta" / "sweep.json"
    digest.parent.mkdir(parents=True)
    cells = [cell(0.5, 9.0), cell(10.0, 30.0), cell(2.0, 4.0), cell(1.0, None)]
    content = {"name": "beta", "about": "<b>music</b>", "varied": ["BETA"], "cells": cells}
    digest.write_text(json.dumps(content), encoding="utf-8")
    path = write_sweep_page(digest)
    page = new_page(allowed=path.as_uri())
    page.context.set_offline(True)
    page.goto(path.as_uri())
    return page


def column(page, number):
    rows = page.locator("table.sortable").first.locator("tbody tr").all()
    return [row.locator("td").nth(number).inner_text().split()[0] for row in rows]


def test_headings_sort_by_number_and_what_is_not_there_comes_last(page, artifacts):
    head = page.get_by_role("button", name="notes/squared_error").first
    head.click()
    assert column(page, 3) == ["4", "9", "30", "–"]
    assert page.locator("[aria-sort=ascending]").first.inner_text().startswith("notes/")
    head.press("Enter")
    assert column(page, 3) == ["30", "9", "4", "–"]
    page.get_by_role("button", name="BETA").first.click()
    assert column(page, 0) == ["0.5", "1", "2", "10"]
    page.screenshot(path=artifacts / "sweep.png", full_page=True)


def test_the_index_shows_its_figure_and_fits_a_narrow_window(page):
    picture = page.locator("figure img")
    assert picture.evaluate("img => img.complete && img.naturalWidth > 0")
    page.set_viewport_size({"width": 600, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_it_is_dark_where_the_system_is(page, artifacts):
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.emulate_media(color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    page.screenshot(path=artifacts / "sweep_dark.png", full_page=True)
