"""What is said where the instances of predictions that have corrections were removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.utils.notifications import show_warning
from qtpy.QtCore import QObject, QTimer

from napari_probinst.widgets.proofreading.words import removed_text

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget

    from napari_probinst.widgets.layers import ShownPrediction


class RemovalNotice(QObject):
    """Tells of removals, unless napari is closing: it ends with its widget, and so does its timer.

    Parameters
    ----------
    widget : QWidget
        A part of the window.
    """

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self._widget = widget
        #: Titles of the predictions that are to be told of.
        self._titles: list[str] = []

    def tell(self, shown: ShownPrediction) -> None:
        """Tell that the instances of a prediction were removed, once it is known who did it."""
        self._titles.append(shown.title)
        # napari takes all layers out before it closes its window: that is nobody's removal.
        QTimer.singleShot(0, self._say)

    def _say(self) -> None:
        titles, self._titles = self._titles, []
        window = self._widget.window()
        for title in titles if window is not None and window.isVisible() else ():
            show_warning(removed_text(title))
