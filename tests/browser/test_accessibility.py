"""What axe-core finds on the start page and the album; other live pages have tests of their own."""

import pytest
from axe import violations
from servers import log_in
from spoken_pages import Ear
from telephones import TELEPHONE, check_on_a_telephone, check_on_paper


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_start_page_keeps_nobody_out(live_pages, new_page, scheme):
    page = new_page(color_scheme=scheme)
    log_in(page, live_pages)
    page.goto(live_pages.url)
    assert not violations(page)
    ear = Ear(page)
    ear.outline()
    ear.focus(page.get_by_role("link").first)
    ear.compare("start")
    page.context.close()


def test_the_album_keeps_nobody_out(voila, artifacts):
    page = voila("45_album.ipynb", context=TELEPHONE)
    check_on_a_telephone(page)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert not violations(page)
    ear = Ear(page)
    ear.outline()
    ear.focus(page.locator("audio").first)
    ear.compare("45_album")
    (artifacts / "album.pdf").write_bytes(check_on_paper(page))


def test_what_keeps_people_out_is_found(new_page):
    page = new_page()
    page.set_content("<p style='color:#bbb;background:#fff'>pale</p><img src='data:,'>")
    found = " ".join(violations(page))
    assert all(rule in found for rule in ("color-contrast", "image-alt", "landmark-one-main"))
    page.context.close()
