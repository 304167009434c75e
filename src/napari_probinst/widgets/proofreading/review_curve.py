"""The curve of a review: the score after each stop, and what random order would give."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_probinst.widgets.live_figure import (
    BLUE,
    FONT_SIZE,
    ORANGE,
    LiveFigure,
    dress,
    text_colour,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

_HEIGHT = 150
#: Stops of the random order that are drawn beyond those of the review.
_AHEAD = 10


class ReviewCurve(LiveFigure):
    """DSB over the number of stops."""

    def __init__(self) -> None:
        super().__init__("review_curve", _HEIGHT)
        self._axes = self.figure.subplots()

    def show_curves(self, ours: Sequence[float], random: Sequence[float], theme: str) -> None:
        """Draw the curves.

        Parameters
        ----------
        ours : sequence of float
            DSB after 0, 1, 2, ... stops of this review.
        random : sequence of float
            DSB that stops in random order give on average; may be empty.
        theme : str
            Name of napari's theme.
        """
        colour = text_colour(theme)
        dress(self._axes, "DSB", colour)
        ahead = random[: len(ours) + _AHEAD]
        self._axes.plot(ahead, color=BLUE, linestyle="--", linewidth=1.2, label="random order")
        self._axes.plot(ours, color=ORANGE, marker="o", markersize=3, label="this review")
        self._axes.set_xlabel("stops", color=colour, fontsize=FONT_SIZE)
        self._axes.legend(fontsize=FONT_SIZE, frameon=False, labelcolor=colour, loc="best")
        self.draw_idle()  # type: ignore[no-untyped-call]
