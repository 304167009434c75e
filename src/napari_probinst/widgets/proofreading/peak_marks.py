"""The marks of the peaks on the canvas, in the colours of their states."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_probinst.core.curation.peak_filter import STATUSES
from napari_probinst.widgets.layers import peak_colours

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_probinst.widgets.layers import ShownPrediction


class PeakMarks:
    """Shows and hides the peaks of a prediction.

    Parameters
    ----------
    shown : ShownPrediction
        The prediction that is proofread.
    """

    def __init__(self, shown: ShownPrediction) -> None:
        self._shown = shown
        self._drawn: NDArray[np.intp] | None = None

    def show(self, listed: NDArray[np.bool_]) -> None:
        """Show the marks of the peaks that are listed, shape (n_peaks,)."""
        peaks, session = self._shown.peaks, self._shown.session
        if not len(listed) == len(session.peaks) == len(peaks.data) or not session.peaks:
            return
        states = session.queue.states()
        drawn = np.where(listed, states, len(STATUSES))
        if self._drawn is not None and np.array_equal(drawn, self._drawn):
            return
        self._drawn = drawn
        # In place: the setters look through all points several times.
        peaks.features["status"] = np.array(STATUSES)[states]
        peaks.events.features()
        # Of points that it displays all axes of, napari hides none: these can't be seen.
        peaks.border_color[:] = peak_colours(session)
        peaks.border_color[~listed, 3] = 0
        peaks.events.border_color()

    def show_all(self) -> None:
        """Show the marks of all peaks."""
        self.show(np.ones(len(self._shown.session.peaks), dtype=bool))
