import asyncio
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
from tornado.web import HTTPError

from synvae_workbench.live.server import kernels as module
from synvae_workbench.live.server.kernels import (
    ALONE_SECONDS,
    MOST_KERNELS,
    SETTLE_SECONDS,
    PageKernels,
    Visit,
    pass_over_ended,
)


class Kernels(PageKernels):
    """Kernels without processes."""

    async def _async_start_kernel(self, **options):
        kernel_id = f"kernel {len(self._kernel_connections)}"
        await asyncio.sleep(0)
        self._kernels[kernel_id], self._kernel_connections[kernel_id] = None, 0
        return kernel_id

    async def _async_shutdown_kernel(self, kernel_id, now):
        self.remove_kernel(kernel_id)


@pytest.fixture
def clock(monkeypatch):
    clock = SimpleNamespace(now=1000.0, monotonic=lambda: clock.now)
    monkeypatch.setattr(module, "time", clock)
    return clock


async def make(kernels, pages, cells=None):
    """Starts a kernel for a page, and runs its cells."""
    pages.append(await kernels.start_kernel())
    await (cells or asyncio.sleep(0))


async def opened(kernels):
    """A page that was made, and whose websocket came."""
    pages = []
    assert await Visit(kernels, make(kernels, pages)).wait()
    kernels.notify_connect(pages[0])
    return pages[0]


async def settled(kernels):
    """The kernels that are left after a look at each."""
    for kernel_id in kernels.list_kernel_ids():
        await kernels.cull_kernel_if_idle(kernel_id)
    return kernels.list_kernel_ids()


def test_a_kernel_ends_a_minute_after_its_page_left(clock):
    async def path():
        kernels = Kernels()
        kept, left = await opened(kernels), await opened(kernels)
        clock.now += 10 * ALONE_SECONDS
        assert await settled(kernels) == [kept, left]
        kernels.notify_disconnect(left)
        clock.now += ALONE_SECONDS
        assert await settled(kernels) == [kept, left]
        clock.now += 1
        assert await settled(kernels) == [kept]

    asyncio.run(path())


def test_a_page_that_is_long_in_the_making_keeps_its_kernel(clock):
    async def path():
        kernels, pages, cells = Kernels(), [], asyncio.Event()
        visit = Visit(kernels, make(kernels, pages, cells.wait()))
        await asyncio.sleep(0.01)
        clock.now += 10 * ALONE_SECONDS
        assert await settled(kernels) == pages
        cells.set()
        assert await visit.wait()
        assert await settled(kernels) == pages, "its websocket may still come"
        clock.now += ALONE_SECONDS + 1
        assert await settled(kernels) == []

    asyncio.run(path())


@pytest.mark.parametrize("seconds", [0, 0.01], ids=["while it starts", "while cells run"])
def test_a_tab_that_is_closed_at_once_leaves_no_kernel(clock, seconds):
    async def path():
        kernels, pages = Kernels(), []
        visit = Visit(kernels, make(kernels, pages, asyncio.Event().wait()))
        await asyncio.sleep(seconds)
        visit.leave()
        await asyncio.sleep(0.01)
        assert pages
        assert await settled(kernels) == []
        assert not await visit.wait(), "nothing is left that waits for cells"

    asyncio.run(path())


def test_whoever_waits_for_a_page_learns_that_its_kernel_died():
    async def path():
        kernels, pages = Kernels(), []
        visit = Visit(kernels, make(kernels, pages, asyncio.Event().wait()))
        await asyncio.sleep(0.01)
        kernels._handle_kernel_died(pages[0])
        assert not await visit.wait()

    asyncio.run(path())


def test_at_the_limit_the_kernel_that_was_left_longest_ago_makes_room(clock):
    async def path():
        kernels = Kernels()
        pages = [await opened(kernels) for _ in range(MOST_KERNELS)]
        for page in (pages[5], pages[2]):
            kernels.notify_disconnect(page)
            clock.now += SETTLE_SECONDS / 2 + 1
        await opened(kernels)
        assert pages[5] not in kernels
        assert pages[2] in kernels, "it may be on its way back"
        clock.now += 1
        with pytest.raises(HTTPError) as refused:
            kernels.notify_connect(pages[2])
            await kernels.start_kernel()
        assert refused.value.status_code == 503

    asyncio.run(path())


def test_only_ended_kernels_are_passed_over_in_silence():
    said, loop = [], Mock(asyncio.AbstractEventLoop)
    loop.default_exception_handler = said.append
    pass_over_ended(loop, {"exception": RuntimeError("Kernel died before replying")})
    other = [{"exception": RuntimeError("Disk full")}, {"message": "no exception"}]
    for context in other:
        pass_over_ended(loop, context)
    assert said == other
