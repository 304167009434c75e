"""A panel's height, shared between what scrolls and what is always in view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from qtpy.QtCore import QEvent, QSize, Qt
from qtpy.QtWidgets import QFrame, QScrollArea, QSplitter, QVBoxLayout, QWidget

if TYPE_CHECKING:
    from qtpy.QtGui import QResizeEvent


#: What the lower part gets beyond its least height before the upper one has all it asks for,
#: pixels: some rows of a table.
_MORE = 60


class Shrinking(Protocol):
    """A part that becomes smaller where it would not be seen as a whole."""

    @property
    def shrunk(self) -> int:
        """By how much it is lower than it would like to be, pixels."""
        ...

    @property
    def end(self) -> int:
        """Where in the column it would end if it had all the height it likes, pixels."""
        ...

    def fit_into(self, height: int) -> None:
        """Be seen as a whole in the first ``height`` pixels of the column, if possible."""
        ...


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

    def __init__(self, column: QWidget, shrinking: Shrinking) -> None:
        super().__init__()
        self._shrinking = shrinking
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._column = column
        self.setWidget(column)

    def sizeHint(self) -> QSize:
        """Size of the whole column; Qt's own answer ends at some lines of text."""
        asked = self._column.sizeHint()
        return QSize(asked.width(), asked.height() + self._shrinking.shrunk)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Let the part that can shrink follow."""
        super().resizeEvent(event)
        self._shrinking.fit_into(self.maximumViewportSize().height())


class _Parts(QSplitter):
    """Shares the height anew where it or the lower part's need is another one.

    Qt would give all of it to the lower part, or take it from there. Once the user has moved the
    line, it stays. So it does at other texts above: the buttons below are not to move with them.
    """

    def __init__(self, upper: _ScrolledColumn, lower: QWidget, shrinking: Shrinking) -> None:
        super().__init__(Qt.Orientation.Vertical)
        self._upper, self._lower, self._shrinking = upper, lower, shrinking
        self._moved = False
        #: Least height of the lower part when the height was shared last, pixels.
        self._least = 0
        self.setChildrenCollapsible(False)
        for part in (upper, lower):
            self.addWidget(part)
        self.setStretchFactor(1, 1)
        self.splitterMoved.connect(self._stay)

    def _stay(self) -> None:
        self._moved = True

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Share another height."""
        # Before what can shrink has followed: its column learns of that later.
        asked = self._upper.sizeHint().height()
        super().resizeEvent(event)
        self._share(asked)

    def event(self, event: QEvent | None) -> bool:
        """Share the height anew where the lower part needs another one."""
        done = super().event(event)
        asks = event is not None and event.type() == QEvent.Type.LayoutRequest
        if asks and self._lower.minimumSizeHint().height() != self._least:
            self._share(self._upper.sizeHint().height())
        return done

    def _share(self, asked: int) -> None:
        """Give what can shrink all it likes, then the lower part, then the rest of the upper."""
        self._least = self._lower.minimumSizeHint().height()
        room = self.height() - self.handleWidth()
        upper = min(asked, max(room - self._least - _MORE, self._shrinking.end))
        if not self._moved:
            self.setSizes([upper, max(room - upper, 0)])


def split_height(above: QVBoxLayout, below: QVBoxLayout, shrinking: Shrinking) -> QSplitter:
    """Share the height between what scrolls and what is always in view.

    Parameters
    ----------
    above : QVBoxLayout
        Gets the height it asks for where there is room, and scrolls where there is none.
    below : QVBoxLayout
        Gets the rest, and never less than it needs.
    shrinking : Shrinking
        A part of ``above`` that is to be seen as a whole, and gives way where it can't be.
    """
    for column in (above, below):
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
    above.setAlignment(Qt.AlignmentFlag.AlignTop)
    upper, lower = _Column(), _Column()
    upper.setLayout(above)
    lower.setLayout(below)
    return _Parts(_ScrolledColumn(upper, shrinking), lower, shrinking)
