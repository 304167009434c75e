"""A panel's height, shared between what scrolls and what is always in view."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import QFrame, QScrollArea, QSplitter, QVBoxLayout, QWidget

if TYPE_CHECKING:
    from qtpy.QtGui import QResizeEvent


class _Column(QWidget):
    """Parts one below the other, whose texts wrap.

    Qt takes the least height of wrapped text for that at its least width, many lines; here it is
    the height at the width that there is.
    """

    def minimumSizeHint(self) -> QSize:
        """Height that all parts need at this width."""
        least, layout = super().minimumSizeHint(), self.layout()
        if layout is None or not layout.hasHeightForWidth():
            return least
        width = max(self.width(), least.width())
        return QSize(least.width(), layout.minimumHeightForWidth(width))

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Ask for another height where the width is another one."""
        super().resizeEvent(event)
        if event is not None and event.size().width() != event.oldSize().width():
            self.updateGeometry()


class _ScrolledColumn(QScrollArea):
    """A column that scrolls, and asks for the height of all it holds."""

    def __init__(self, column: QWidget) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._column = column
        self.setWidget(column)

    def sizeHint(self) -> QSize:
        """Size of the whole column; Qt's own answer ends at some lines of text."""
        return self._column.sizeHint()


def split_height(above: QVBoxLayout, below: QVBoxLayout) -> QSplitter:
    """Share the height between what scrolls and what is always in view.

    Parameters
    ----------
    above : QVBoxLayout
        Gets the height it asks for where there is room, and scrolls where there is none.
    below : QVBoxLayout
        Gets the rest, and never less than it needs.
    """
    parts = QSplitter(Qt.Orientation.Vertical)
    parts.setChildrenCollapsible(False)
    for column in (above, below):
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
    above.setAlignment(Qt.AlignmentFlag.AlignTop)
    upper, lower = _Column(), _Column()
    upper.setLayout(above)
    lower.setLayout(below)
    parts.addWidget(_ScrolledColumn(upper))
    parts.addWidget(lower)
    parts.setStretchFactor(1, 1)
    return parts
