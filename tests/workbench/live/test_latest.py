import asyncio
import selectors

from synvae_workbench.live.latest import LatestCall


class Clock(selectors.DefaultSelector):
    """Time that passes at once where all wait: the same on a fast machine and on a busy one."""

    now = 0.0

    def select(self, timeout=None):
        self.now += timeout or 0
        return super().select(0)


def run(coroutine):
    def loop():
        clock = Clock()
        loop = asyncio.SelectorEventLoop(clock)
        loop.time, loop.clock = lambda: clock.now, clock
        return loop

    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(asyncio.wait_for(coroutine, 5))


def recorded(seconds=0.0):
    """A callback that takes its time, what it was called with, and the errors that were said."""
    calls, errors = [], []

    def function(value):
        if seconds:
            asyncio.get_running_loop().clock.now += seconds
        calls.append(value)
        if value == "bad":
            raise RuntimeError(value)

    return LatestCall(function, on_error=errors.append), calls, errors


async def until_idle(latest):
    while latest.busy:
        await asyncio.sleep(0.001)


def test_of_calls_that_come_at_once_only_the_newest_is_answered():
    latest, calls, _ = recorded()

    async def drag():
        for value in range(50):
            latest(value)
        assert latest.busy
        assert not calls, "the hand does not wait for the work"
        await until_idle(latest)

    run(drag())
    assert calls == [49]


def test_of_calls_that_come_while_it_works_only_the_newest_is_kept():
    latest, calls, _ = recorded(seconds=0.03)

    async def drag():
        for value in range(40):
            latest(value)
            await asyncio.sleep(0.002)
        await until_idle(latest)

    run(drag())
    assert calls[-1] == 39
    assert calls == sorted(set(calls))
    assert 2 <= len(calls) <= 5, "a steady stream is answered meanwhile, and not call by call"


def test_messages_that_waited_behind_the_work_do_not_pile_up():
    """The kernel hands them over one by one, each in a turn of the loop of its own."""
    latest, calls, _ = recorded(seconds=0.02)

    async def deliver():
        queue = asyncio.Queue()
        for value in range(30):
            queue.put_nowait(value)
        while not queue.empty():
            latest(queue.get_nowait())
            await asyncio.sleep(0)
        await until_idle(latest)

    run(deliver())
    assert calls[-1] == 29
    assert len(calls) <= 2


def test_calls_that_come_slowly_are_all_answered():
    latest, calls, _ = recorded()

    async def slowly():
        for value in range(3):
            latest(value)
            await until_idle(latest)

    run(slowly())
    assert calls == [0, 1, 2]


def test_an_error_is_said_and_the_next_call_is_answered():
    latest, calls, errors = recorded()

    async def both():
        latest("bad")
        await until_idle(latest)
        latest("good")
        await until_idle(latest)

    run(both())
    assert calls == ["bad", "good"]
    assert [str(error) for error in errors] == ["bad"]


def test_without_an_event_loop_it_works_at_once():
    latest, calls, errors = recorded()
    latest("now")
    latest("bad")
    assert calls == ["now", "bad"]
    assert len(errors) == 1
    assert not latest.busy
