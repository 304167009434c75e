"""A line of text that loses its middle where the dock is narrow, rather than wrap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QPainter
from qtpy.QtWidgets import QLabel

if TYPE_CHECKING:
    from qtpy.QtGui import QPaintEvent


class ElidedLine(QLabel):
    """One line, whatever the width; ``text()`` has all of it.

    Parameters
    ----------
    name : str
        Name that the label is found by.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setObjectName(name)

    def minimumSizeHint(self) -> QSize:
        """Room for the height of the text only."""
        return QSize(0, super().minimumSizeHint().height())

    def paintEvent(self, _event: QPaintEvent | None) -> None:
        """Draw as much of the text as there is room for."""
        room = self.contentsRect()
        text = self.fontMetrics().elidedText(
            self.text(), Qt.TextElideMode.ElideMiddle, room.width()
        )
        QPainter(self).drawText(room, Qt.AlignmentFlag.AlignVCenter, text)
