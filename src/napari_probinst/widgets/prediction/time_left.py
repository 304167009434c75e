"""How long a queue will still take, judged by what it has done."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_probinst.widgets.prediction.events import Progress

#: Draws that have to be timed before anything is said.
_LEAST = 0.5


class TimeLeft:
    """Keeps the time of the images that were worked on; each counts as large as the others.

    Parameters
    ----------
    clock : callable, optional
        Gives seconds that don't run backwards.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = 0.0
        self._now: Progress | None = None
        #: Draws of this image that were done when it was first heard of: nobody timed them.
        self._untimed = 0.0
        #: Timed draws and seconds of the images before.
        self._draws, self._seconds = 0.0, 0.0

    def note(self, progress: Progress) -> None:
        """Take note of how far an image is."""
        if self._now is None or self._now.index != progress.index:
            self.end_image()
            self._began = self._clock()
            self._untimed = _draws(progress)
        self._now = progress

    def end_image(self) -> None:
        """Take note that the image that was worked on has come to an end."""
        if self._now is not None:
            self._draws += _draws(self._now) - self._untimed
            self._seconds += self._clock() - self._began
        self._now = None

    def seconds(self, n_waiting: int = 0) -> float | None:
        """Seconds until the image under way is done, and after it others that wait.

        Parameters
        ----------
        n_waiting : int, default 0
            Images after it.

        Returns
        -------
        float or None
            None while that can't be told.
        """
        if self._now is None:
            return None
        done = _draws(self._now)
        draws = self._draws + done - self._untimed
        if draws < _LEAST:
            return None
        passed = self._seconds + self._clock() - self._began
        return passed / draws * (self._now.n_draws * (1 + n_waiting) - done)


def _draws(progress: Progress) -> float:
    """Draws of an image that are done."""
    return progress.share * progress.n_draws
