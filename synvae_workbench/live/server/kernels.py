"""Kernels of live pages, each with models in memory, that end when nobody is connected to them.

A page is connected from the request that asks for it, as its models may take long to load and its
websocket comes after that. So a tab that is closed before then leaves nothing behind either.
"""

import asyncio
import math
import time
from collections.abc import Coroutine
from contextvars import ContextVar
from typing import Any

from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from tornado.web import HTTPError

MOST_KERNELS = 8
ALONE_SECONDS = 60  # without a page, as after a crash of the browser or a sleep of the machine
SETTLE_SECONDS = 10  # in which a page that was just sent may still connect
CHECK_SECONDS = 5


class Visit:
    """Someone who waits for a page to be made, and keeps the kernel that is started for it.

    Args:
        making: makes the page, and sends it piece by piece.
    """

    def __init__(self, kernels: "PageKernels", making: Coroutine[Any, Any, None]) -> None:
        self._kernels = kernels
        self._kernel_id = ""
        self._waits = True
        before = _VISIT.set(self)
        self._making = asyncio.ensure_future(making)  # and what it begins, knows of this visit
        _VISIT.reset(before)

    async def wait(self) -> bool:
        """Waits until the page is sent; False if its kernel ended before."""
        try:
            await self._making
        except asyncio.CancelledError:
            return False
        finally:
            self._stop_waiting()
        return True

    def leave(self) -> None:
        """Nobody waits any more, and nobody can ever connect to the kernel."""
        self._stop_waiting()
        self._kernels.abandon(self._kernel_id)

    def started(self, kernel_id: str) -> None:
        """The kernel was started."""
        self._kernel_id = kernel_id
        if self._waits:
            self._kernels.notify_connect(kernel_id)
        else:
            self._kernels.abandon(kernel_id)

    def ended(self) -> None:
        """The kernel has ended; Voila would wait for its cells for ever."""
        self._making.cancel()

    def _stop_waiting(self) -> None:
        if self._waits and self._kernel_id:
            self._kernels.notify_disconnect(self._kernel_id)
        self._waits = False


# Of the page that is being made, in whatever is done for it.
_VISIT: ContextVar[Visit | None] = ContextVar("visit", default=None)


class PageKernels(AsyncMappingKernelManager):
    """Kernels, `MOST_KERNELS` at most, of which those that no page is connected to make room."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._left: dict[str, float] = {}  # when the last page left, on the clock of `time`
        self._visits: dict[str, Visit] = {}  # that a kernel was started for
        self._door = asyncio.Lock()

    async def start_kernel(self, **options: Any) -> str:
        """Starts a kernel; at the limit, it first ends the one that was left longest ago.

        Raises:
            HTTPError: 503, if a page is connected to each.
        """
        async with self._door:
            if len(self.list_kernel_ids()) >= MOST_KERNELS:
                await self._make_room()
            kernel_id = await self._async_start_kernel(**options)
        self._left[kernel_id] = time.monotonic()
        if visit := _VISIT.get():
            self._visits[kernel_id] = visit
            visit.started(kernel_id)
        return kernel_id

    def notify_disconnect(self, kernel_id: str) -> None:
        """Notices that a page has left."""
        super().notify_disconnect(kernel_id)
        if kernel_id in self:
            self._left[kernel_id] = time.monotonic()

    def abandon(self, kernel_id: str) -> None:
        """Notices that no page can ever connect."""
        if kernel_id in self:
            self._left[kernel_id] = -math.inf

    async def cull_kernel_if_idle(self, kernel_id: str) -> None:
        """Ends a kernel that nobody has been connected to for `ALONE_SECONDS`."""
        if self._seconds_alone(kernel_id) > ALONE_SECONDS:
            await self._end(kernel_id)

    def remove_kernel(self, kernel_id: str) -> Any:
        """Forgets a kernel that has ended, by itself or not."""
        self._left.pop(kernel_id, None)
        if visit := self._visits.pop(kernel_id, None):
            visit.ended()
        return super().remove_kernel(kernel_id)

    def _seconds_alone(self, kernel_id: str) -> float:
        if self._kernel_connections.get(kernel_id, 0) > 0:
            return 0.0
        return time.monotonic() - self._left.get(kernel_id, math.inf)

    async def _make_room(self) -> None:
        oldest = max(self.list_kernel_ids(), key=self._seconds_alone)
        if self._seconds_alone(oldest) <= SETTLE_SECONDS:
            raise HTTPError(503)
        await self._end(oldest)

    async def _end(self, kernel_id: str) -> None:
        await self._async_shutdown_kernel(kernel_id, now=True)


def pass_over_ended(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Handles what nobody caught in an event loop, but for pages whose kernel ended meanwhile."""
    if not str(context.get("exception", "")).startswith("Kernel died"):
        loop.default_exception_handler(context)
