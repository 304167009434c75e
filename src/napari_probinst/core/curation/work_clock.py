"""A clock of the time that is worked: it stands still in pauses, and where nobody does anything."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

#: Seconds without a sign of activity after which a curator is taken to be away.
IDLE_LIMIT = 60.0


class WorkClock:
    """Seconds worked since it was made; called like ``time.monotonic``, and never runs backwards.

    It runs from one sign of activity to the next, but no longer than the idle limit without one:
    a look at a difficult place counts, a lunch doesn't. It stands until the first sign.

    Parameters
    ----------
    idle_limit : float, default `IDLE_LIMIT`
        Seconds that count at most after a sign of activity.
    now : callable, optional
        A clock that never runs backwards, seconds.
    """

    def __init__(
        self, idle_limit: float = IDLE_LIMIT, *, now: Callable[[], float] = time.monotonic
    ) -> None:
        self.idle_limit = idle_limit
        self._now = now
        self._counted = 0.0
        #: Last sign of activity; None while the clock is stopped.
        self._last: float | None = None
        self._paused = False

    def __call__(self) -> float:
        """Seconds worked so far."""
        return self._counted + self._running()

    @property
    def paused(self) -> bool:
        """Whether it was paused, and stands until `resume`."""
        return self._paused

    @property
    def idle(self) -> bool:
        """Whether it stands because there was no sign of activity for too long, or none yet."""
        return not self._paused and (
            self._last is None or self._now() - self._last >= self.idle_limit
        )

    def touch(self) -> None:
        """Take a sign of activity: the clock runs on. In a pause it is no sign."""
        if not self._paused:
            self._count()
            self._last = self._now()

    def stop(self) -> None:
        """Stand still until the next sign of activity: the work goes on elsewhere."""
        self._count()
        self._last = None

    def pause(self) -> None:
        """Stand still until `resume`, whatever happens."""
        self.stop()
        self._paused = True

    def resume(self) -> None:
        """End a pause."""
        self._paused = False
        self.touch()

    def _running(self) -> float:
        if self._last is None:
            return 0.0
        return min(max(self._now() - self._last, 0.0), self.idle_limit)

    def _count(self) -> None:
        self._counted += self._running()
