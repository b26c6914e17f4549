import socket
from unittest.mock import Mock

import nbformat
import pytest
from jupyter_server.base.handlers import JupyterHandler
from tornado.web import HTTPError

from synvae_workbench.live.server import voila
from synvae_workbench.live.server.pages import Page


def test_one_page_too_many_is_refused_before_its_kernel_starts(tmp_path):
    page = Page("40_x", "Title", "Why?", tmp_path / "40_x.ipynb")
    hook = voila._prelaunch_hook([page], {"40_x": {}})
    handler = Mock(spec=JupyterHandler)
    handler.kernel_manager.list_kernel_ids.return_value = ["kernel"] * voila.MOST_KERNELS
    with pytest.raises(HTTPError) as refused:
        hook(handler, notebook=nbformat.v4.new_notebook(), cwd="")
    assert refused.value.status_code == 503
    settings = voila._tornado_settings([page])
    template = settings["jinja2_env"].get_template("error.html")
    text = template.render(status_code=503, **settings["jinja_template_vars"])
    assert f"{voila.MOST_KERNELS} pages are open" in text


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
