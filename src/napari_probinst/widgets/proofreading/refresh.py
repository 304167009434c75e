"""Shows anew what the dock shows: at every change, or once for several of them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Refresh:
    """Shows anew when it is called, unless several changes are shown together.

    Parameters
    ----------
    show : callable
        Shows everything.
    """

    def __init__(self, show: Callable[[], None]) -> None:
        self._show = show
        self._holding = False

    def __call__(self) -> None:
        """Show what has changed, now or at the end of `once`."""
        if not self._holding:
            self._show()

    @contextmanager
    def once(self) -> Iterator[None]:
        """Show once what several changes come to."""
        self._holding = True
        try:
            yield
        finally:
            self._holding = False
            self._show()
