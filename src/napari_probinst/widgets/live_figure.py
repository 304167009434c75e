"""A figure in a dock that is drawn again as numbers come in, in the colours of napari's theme."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from napari.utils.theme import get_theme
from qtpy.QtCore import Qt

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FONT_SIZE = 8
#: Orange and sky blue: told apart by colour-blind eyes, on dark and on light.
ORANGE, BLUE = "#E69F00", "#56B4E9"


class LiveFigure(FigureCanvasQTAgg):
    """A transparent figure of fixed height.

    Parameters
    ----------
    name : str
        Name that the widget is found by.
    height : int
        Pixels.
    """

    def __init__(self, name: str, height: int) -> None:
        super().__init__(Figure(layout="constrained", facecolor="none"))  # type: ignore[no-untyped-call]
        self.setObjectName(name)
        self.setFixedHeight(height)
        self.setStyleSheet("background: transparent")
        # The wheel is the dock's, which scrolls.
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)


def text_colour(theme: str) -> Any:
    """Colour of napari's text in a theme, for matplotlib."""
    return get_theme(theme).text.as_hex()


def dress(axes: Axes, label: str, colour: Any) -> None:
    """Clear axes and give them a label of the y axis, a grid and whole numbers along x."""
    axes.clear()
    axes.set_facecolor("none")
    axes.set_ylabel(label, color=colour, fontsize=FONT_SIZE)
    axes.tick_params(colors=colour, labelsize=FONT_SIZE, which="both")
    axes.grid(color=colour, alpha=0.15)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    for spine in axes.spines.values():
        spine.set_color(colour)
        spine.set_alpha(0.4)
