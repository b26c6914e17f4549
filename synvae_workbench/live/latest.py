"""Coalescing of calls that come faster than they can be answered: only the newest is kept.

A drag of a slider sends some sixty values a second, and each may take a tenth of a second to
answer. Answered one by one they would be seconds behind the hand.
"""

import asyncio
from collections.abc import Callable
from typing import Any

# The kernel hands over the messages that came meanwhile one by one, each within a few milliseconds.
PAUSE_SECONDS = 0.004
MOST_PAUSES = 4  # so that a steady stream is answered too


class LatestCall:
    """A callback that runs soon, in the event loop it is called in, with the newest arguments.

    While it works, calls only leave their arguments, of which the last ones count. Where no event
    loop runs, as in a script, it works at once.

    Args:
        function: what is done; what it returns is dropped.
        on_error: is given whatever `function` raises. The next call is answered as usual.
    """

    def __init__(
        self, function: Callable[..., object], *, on_error: Callable[[Exception], object]
    ) -> None:
        self._function = function
        self._on_error = on_error
        self._waiting: tuple[tuple[Any, ...], dict[str, Any]] | None = None
        self._task: asyncio.Task | None = None

    def __call__(self, *args: Any, **options: Any) -> None:
        self._waiting = (args, options)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._work()
            return
        if self._task is None or self._task.done():
            self._task = loop.create_task(self._run())

    @property
    def busy(self) -> bool:
        """True while a call waits or is being worked on."""
        return self._waiting is not None or not (self._task is None or self._task.done())

    async def _run(self) -> None:
        while self._waiting is not None:
            for _ in range(MOST_PAUSES):
                newest = self._waiting
                await asyncio.sleep(PAUSE_SECONDS)
                if newest is self._waiting:
                    break
            self._work()

    def _work(self) -> None:
        if self._waiting is None:
            return
        (args, options), self._waiting = self._waiting, None
        try:
            self._function(*args, **options)
        except Exception as error:
            self._on_error(error)
