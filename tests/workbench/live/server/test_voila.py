import socket

import pytest

from synvae_workbench.live.server import voila
from synvae_workbench.live.server.pages import Page


@pytest.mark.parametrize(
    ("status", "message", "words"),
    [
        (503, "", f"{voila.MOST_KERNELS} pages are open"),
        (403, "", "the whole address that make explore printed"),
        (403, "Blocking <host>", "the whole address that make explore printed"),
        (403, voila.ELSEWHERE, voila.ELSEWHERE),
    ],
)
def test_a_refusal_leads_back_and_tries_again_where_waiting_helps(status, message, words):
    settings = voila._tornado_settings([Page("40_x", "Title", "Why?", None)])
    template = settings["jinja2_env"].get_template("error.html")
    text = template.render(status_code=status, message=message, **settings["jinja_template_vars"])
    assert words in text
    assert '<a href="/">' in text
    assert ('http-equiv="refresh"' in text) == (status == 503)


@pytest.mark.parametrize("port", [-1, 65_536, 99_999, 1 << 32])
def test_what_is_no_port_is_refused(port):
    with pytest.raises(ValueError, match=rf"port {port} is none: .*1024 to 65535, or 0"):
        voila._free_port(port)


def test_a_port_that_is_taken_is_refused_in_words():
    with socket.create_server((voila.HOST, 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(ValueError, match=f"port {port} is taken"):
            voila._free_port(port)
    assert voila._free_port(port) == port


def test_a_port_of_the_system_is_refused_in_words(monkeypatch):
    def refuse(port, host):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(voila.tornado.netutil, "bind_sockets", refuse)
    with pytest.raises(ValueError, match=r"port 80 .*Permission denied.*above 1023"):
        voila._free_port(80)
