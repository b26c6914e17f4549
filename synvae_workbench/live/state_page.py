"""A page whose messages ask for a state, of which the newest alone is shown."""

from collections.abc import Sequence
from typing import Any

import anywidget
import traitlets

from synvae_workbench.live.latest import LatestCall
from synvae_workbench.live.messages import BROKEN


class StatePage(anywidget.AnyWidget):
    """Widget that answers messages of its page by the state that they ask for.

    Args:
        state: that is shown first, when the page says that it is ready.
        page: the unchanging content.
    """

    page = traitlets.Dict().tag(sync=True)
    _called = "the page"  # in the log

    def __init__(self, state: Any, page: dict) -> None:
        self._state = state
        super().__init__(page=page)
        self._answer = LatestCall(self._show, on_error=self._fail)
        self.on_msg(self._receive)

    def _asked(self, content: object, buffers: Sequence[object]) -> Any:
        """The state that a message asks for; a ValueError says why there is none."""
        raise NotImplementedError

    def _show(self) -> None:
        """Sends what shows the state."""
        raise NotImplementedError

    def _receive(self, _: object, content: object, buffers: Sequence[object]) -> None:
        try:
            if content != {"kind": "ready"}:
                self._state = self._asked(content, buffers)
        except ValueError as error:
            self.send({"kind": "refused", "said": f"Not used: {error}."})
        else:
            self._answer()

    def _fail(self, error: Exception) -> None:
        self.send({"kind": "refused", "said": BROKEN})
        self.log.error("%s could not answer", self._called, exc_info=error)
