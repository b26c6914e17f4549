"""Requests of live pages: the page itself, and the websocket between it and its kernel."""

import tornado.web
from voila.tornado.handler import TornadoVoilaHandler
from voila.tornado.kernel_websocket_handler import VoilaKernelWebsocketHandler

from synvae_workbench.live.server.kernels import Visit

NAVIGATED = ("same-origin", "none")  # by a link of these pages, or by an address that was typed
ELSEWHERE = "A page of another site led here. Go on from the list of all live pages."
LOST = "<script>window.synvaeLost()</script>"  # says so: see index.html.j2


def refuse_other_sites(handler: tornado.web.RequestHandler) -> None:
    """Refuses what a link or a script of another site asked for, as it would start a kernel.

    Raises:
        HTTPError: 403.
    """
    if handler.request.headers.get("Sec-Fetch-Site", "none") not in NAVIGATED:
        raise tornado.web.HTTPError(403, ELSEWHERE)


class LivePage(TornadoVoilaHandler):
    """A live page, which a person asked for here, and whose kernel ends if nobody waits for it."""

    _visit: Visit | None = None

    @tornado.web.authenticated
    async def get(self, path: str | None = None) -> None:
        """Makes the page."""
        refuse_other_sites(self)
        self._visit = Visit(self.kernel_manager, super().get(path))
        if not await self._visit.wait():
            self.write(LOST)

    def on_connection_close(self) -> None:
        """Notices that nobody waits for the page any more."""
        super().on_connection_close()
        if self._visit is not None:
            self._visit.leave()


class PageSocket(VoilaKernelWebsocketHandler):
    """The websocket of a page; of one that never opened, there is nothing to close.

    Jupyter's own disconnects what was never connected: it prints a traceback, and counts one page
    too few from then on.
    """

    _opened = _closed = False

    async def open(self, kernel_id: str) -> None:
        """Connects the kernel, if the page is still there."""
        if not self._closed:
            self._opened = True
            await super().open(kernel_id)

    def on_close(self) -> None:
        """Disconnects it."""
        self._closed = True
        if self._opened:
            super().on_close()
