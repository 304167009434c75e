"""Live curves of a training, in the colours of napari's theme."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from napari.utils.theme import get_theme
from qtpy.QtCore import Qt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

#: Told apart by colour-blind eyes, on dark and on light.
_LOSS, _SCORE = "#E69F00", "#56B4E9"
_SMOOTHING = 0.9
_HEIGHT = 260
_FONT_SIZE = 8
#: Points drawn of a curve: more than the dock has pixels serve nothing.
_MOST_POINTS = 500


class TrainingCurves(FigureCanvasQTAgg):
    """Loss over the steps, and below it the score of the validation images."""

    def __init__(self) -> None:
        figure = Figure(layout="constrained", facecolor="none")
        super().__init__(figure)  # type: ignore[no-untyped-call]
        self.setObjectName("curves")
        self.setFixedHeight(_HEIGHT)
        self.setStyleSheet("background: transparent")
        # The wheel is the dock's, which scrolls.
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._loss, self._score = figure.subplots(2, 1, sharex=True)

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
        colour = get_theme(theme).text.as_hex()
        for axes, label in ((self._loss, "loss"), (self._score, "DSB")):
            axes.clear()
            _dress(axes, label, colour)
        if losses:
            steps, values = np.array(losses).T
            self._loss.plot(*_thin(steps, values), color=_LOSS, alpha=0.35, linewidth=0.8)
            self._loss.plot(*_thin(steps, _smooth(values)), color=_LOSS, linewidth=1.5)
            if values.min() > 0:
                self._loss.set_yscale("log")
        if scores:
            steps, values = np.array(scores).T
            self._score.plot(steps, values, color=_SCORE, marker="o", markersize=3)
        self._score.set_ylim(0, 1)
        self._score.set_xlabel("step", color=colour, fontsize=_FONT_SIZE)
        self.draw_idle()  # type: ignore[no-untyped-call]


def _dress(axes: Axes, label: str, colour: Any) -> None:
    axes.set_facecolor("none")
    axes.set_ylabel(label, color=colour, fontsize=_FONT_SIZE)
    axes.tick_params(colors=colour, labelsize=_FONT_SIZE, which="both")
    axes.grid(color=colour, alpha=0.15)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    for spine in axes.spines.values():
        spine.set_color(colour)
        spine.set_alpha(0.4)


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
