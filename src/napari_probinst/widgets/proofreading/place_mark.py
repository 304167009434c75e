"""The mark of the current place on the canvas."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Points

from napari_probinst.widgets.layers import STATUS_COLOURS, peak_centre
from napari_probinst.widgets.placement import placement

if TYPE_CHECKING:
    from napari_probinst.core.curation.session import CurationSession
    from napari_probinst.widgets.layers import ShownPrediction

#: Pixels that the mark stands off the patch, so that it doesn't cover what is looked at.
_MARGIN = 6
#: Smallest mark on the screen, pixels: it is found in an overview too.
_SMALLEST = 16
_LARGEST = 10_000


class PlaceMark:
    """A frame around the current place, in a layer of its own.

    napari draws all points of a layer anew when one changes, which takes a tenth of a second
    where there are ten thousand. A step in the queue moves this one alone.

    Parameters
    ----------
    shown : ShownPrediction
        The prediction that is proofread.
    """

    def __init__(self, shown: ShownPrediction) -> None:
        self._side = shown.prediction.settings.patch
        self._drawn: tuple[int, str] | None = None
        self.layer = Points(
            ndim=2,
            name=f"{shown.title} | place",
            symbol="square",
            size=self._side + _MARGIN,
            face_color="transparent",
            border_width=0.08,
            canvas_size_limits=(_SMALLEST, _LARGEST),
            **placement(shown.peaks),
        )
        self.layer.editable = False

    def show(self, session: CurationSession) -> None:
        """Mark the place that the session is at, in the colour of its status."""
        position = session.position
        drawn = None if position is None else (position, session.status(position))
        if drawn == self._drawn:
            return
        before, self._drawn = self._drawn, drawn
        if drawn is None:
            self.layer.data = np.empty((0, 2))
            return
        centre = peak_centre(session.peaks[drawn[0]], self._side)
        # It never leaves the page, so the viewer need not measure all layers anew.
        if before is None:
            with self.layer.events.extent.blocker():
                self.layer.data = [centre]
            self.layer.editable = False  # new data make it editable again
        else:
            # New data would have the viewer look at the axes of all layers.
            self.layer.data[0] = centre
            self.layer.refresh(extent=False)
        if before is None or before[1] != drawn[1]:
            self.layer.border_color = STATUS_COLOURS[drawn[1]]
