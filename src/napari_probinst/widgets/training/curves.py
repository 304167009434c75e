"""Live curves of a training, in the colours of napari's theme."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

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

    from numpy.typing import NDArray

_SMOOTHING = 0.9
_HEIGHT = 260
#: Points drawn of a curve: more than the dock has pixels serve nothing.
_MOST_POINTS = 500


class TrainingCurves(LiveFigure):
    """Loss over the steps, and below it the score of the validation images."""

    def __init__(self) -> None:
        super().__init__("curves", _HEIGHT)
        self._loss, self._score = self.figure.subplots(2, 1, sharex=True)

    def show_curves(
        self,
        losses: Sequence[tuple[int, float]],
        scores: Sequence[tuple[int, float]],
        theme: str,
    ) -> None:
        """Draw the curves.

        Parameters
        ----------
        losses, scores : sequence of (int, float)
            Steps and values, in order.
        theme : str
            Name of napari's theme.
        """
        colour = text_colour(theme)
        for axes, label in ((self._loss, "loss"), (self._score, "DSB")):
            dress(axes, label, colour)
        if losses:
            steps, values = np.array(losses).T
            self._loss.plot(*_thin(steps, values), color=ORANGE, alpha=0.35, linewidth=0.8)
            self._loss.plot(*_thin(steps, _smooth(values)), color=ORANGE, linewidth=1.5)
            if values.min() > 0:
                self._loss.set_yscale("log")
        if scores:
            steps, values = np.array(scores).T
            self._score.plot(steps, values, color=BLUE, marker="o", markersize=3)
        self._score.set_ylim(0, 1)
        self._score.set_xlabel("step", color=colour, fontsize=FONT_SIZE)
        self.draw_idle()  # type: ignore[no-untyped-call]


def _smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Exponential moving average that starts at the first value."""
    smooth = np.empty_like(values)
    mean = values[0]
    for index, value in enumerate(values):
        mean = _SMOOTHING * mean + (1 - _SMOOTHING) * value
        smooth[index] = mean
    return smooth


def _thin(
    steps: NDArray[np.float64], values: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """At most about `_MOST_POINTS` points, the last one among them."""
    every = -(-len(steps) // _MOST_POINTS)
    return steps[::-1][::every][::-1], values[::-1][::every][::-1]
