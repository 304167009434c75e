"""How the table of peaks looks and moves: fixed sizes, whole rows, few keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, QSize, Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QScrollBar,
    QStyledItemDelegate,
    QTableView,
)

from napari_probinst.widgets.proofreading.queue_model import (
    IMAGE,
    KIND,
    RANK,
    REASON,
    SCORE,
    STATUS,
)
from napari_probinst.widgets.proofreading.queue_words import (
    SHORT_KINDS,
    SHORT_STATUSES,
    short_reason,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qtpy.QtCore import QAbstractItemModel, QLocale, QModelIndex
    from qtpy.QtGui import QKeyEvent, QResizeEvent
    from qtpy.QtWidgets import QStyleOptionViewItem

#: Rows that the table has room for at least: on a laptop it shares the height with the tools,
#: and with the pictures of the hypotheses.
_ROWS = 2
#: The reason is told in words where so much of it can be read, else by its votes; the tooltip
#: tells it anyway.
_LEAST_REASON = "6 of 8 draws"
#: Votes of most reasons; the title of their column is shorter.
_VOTES = "8 of 8"
#: Names of images get as much room as their longest one asks for, up to this text's.
_LONGEST_NAME = "plate 12 A01"
#: Digits of a rank that there is room for at least: its title is as wide.
_LEAST_DIGITS = 3
#: Room around the text of a cell, pixels.
_PADDING = 10
#: Side of the square that shows a status, pixels.
_SQUARE = 10
#: Keys that the table itself needs; all others are the canvas's.
_NAVIGATION = frozenset(
    {
        Qt.Key.Key_Up,
        Qt.Key.Key_Down,
        Qt.Key.Key_PageUp,
        Qt.Key.Key_PageDown,
        Qt.Key.Key_Home,
        Qt.Key.Key_End,
    }
)


class _Reasons(QStyledItemDelegate):
    """Draws the reason of a peak: its votes, or all its words."""

    in_words = False

    def displayText(self, value: Any, _locale: QLocale) -> str:
        """Text of a cell."""
        return str(value) if self.in_words else short_reason(str(value))

    def initStyleOption(self, option: QStyleOptionViewItem | None, index: QModelIndex) -> None:
        """Leave out the end of what is too long: the votes are at the beginning."""
        super().initStyleOption(option, index)
        if option is not None:
            option.textElideMode = Qt.TextElideMode.ElideRight


class QueueView(QTableView):
    """A table of whole rows that takes the keyboard only by Tab, and only the keys it needs.

    Parameters
    ----------
    chosen : callable
        Called with an index of the row that was clicked, or on which Enter was pressed.
    """

    def __init__(self, chosen: Callable[[QModelIndex], None]) -> None:
        super().__init__()
        self._chosen = chosen
        self.clicked.connect(chosen)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setTabKeyNavigation(False)
        self.setShowGrid(False)
        self.setWordWrap(False)
        # Names of images differ at their ends, and begin with what tells the plate.
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setIconSize(QSize(_SQUARE, _SQUARE))
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._columns = QHeaderView(Qt.Orientation.Horizontal)
        self._columns.setSectionsClickable(True)
        self.setHorizontalHeader(self._columns)
        self._heights = QHeaderView(Qt.Orientation.Vertical)
        # Fixed heights: Qt never asks for the size of a row.
        self._heights.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self._heights.hide()
        self.setVerticalHeader(self._heights)
        self._bar = QScrollBar(Qt.Orientation.Vertical)
        self.setVerticalScrollBar(self._bar)
        #: The longest name of an image; None while there is but one image.
        self._name: str | None = None
        #: A rank as long as the longest.
        self._rank = ""
        self._reasons = _Reasons(self)
        self.setItemDelegateForColumn(REASON, self._reasons)

    def setModel(self, model: QAbstractItemModel | None) -> None:
        """Show a model; its columns get their widths once and for all."""
        super().setModel(model)
        # Beside the rank: with the images in turn, the two tell the place.
        self._columns.moveSection(self._columns.visualIndex(IMAGE), 1)
        self._measure()

    def show_images(self, names: Sequence[str], n_places: int) -> None:
        """Give images a column where there are several, and ranks the room that they need."""
        name = max(names, key=len) if len(names) > 1 else None
        rank = "0" * max(len(str(n_places)), _LEAST_DIGITS)
        if (name, rank) != (self._name, self._rank):
            self._name, self._rank = name, rank
            self._measure()

    def changeEvent(self, event: QEvent | None) -> None:
        """Measure anew when the font has changed."""
        super().changeEvent(event)
        fonts = (QEvent.Type.FontChange, QEvent.Type.StyleChange)
        if event is not None and event.type() in fonts and self.model() is not None:
            self._measure()

    def _measure(self) -> None:
        """Give columns and rows the sizes that the font asks for, whatever they hold."""
        metrics = self.fontMetrics()
        self.setColumnHidden(IMAGE, self._name is None)
        for column, width in self._widths().items():
            self._columns.resizeSection(column, width)
        height = metrics.height() + 6
        self._heights.setDefaultSectionSize(height)
        self.setMinimumHeight(_ROWS * height + self._columns.sizeHint().height() + 4)
        self._share_width()

    def sizeHint(self) -> QSize:
        """Ask for no more rows than are needed: there may be other things to see."""
        return QSize(super().sizeHint().width(), self.minimumHeight())

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Share the width anew, and keep the current row in view where it was."""
        row = self.visualRect(self.currentIndex())
        super().resizeEvent(event)
        self._share_width()
        if event is not None and row.top() >= 0 and row.bottom() < event.oldSize().height():
            self.scrollTo(self.currentIndex())

    def _share_width(self) -> None:
        """Give what is left to the reason; where it is too narrow for words, to the name or kind.

        Where there isn't room for all, the reason has no column: its tooltip tells it. What is
        left then is the name's, which loses its middle.
        """
        metrics, header = self.fontMetrics(), self._columns
        widths = self._widths()
        room = self.maximumViewportSize().width() - self._bar.sizeHint().width()
        needed = sum(widths.values())
        words = metrics.horizontalAdvance(_LEAST_REASON)
        readable = room >= needed - widths[REASON] + words
        self.setColumnHidden(REASON, room < needed)
        self._reasons.in_words = readable
        stretching = REASON if readable else KIND if self._name is None else IMAGE
        for column in widths.keys() - {stretching}:
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            header.resizeSection(column, widths[column])
        header.setSectionResizeMode(stretching, QHeaderView.ResizeMode.Stretch)

    def reset(self) -> None:
        """Take over other rows without scrolling."""
        place = self._bar.value()
        super().reset()
        # Before anything is scrolled to: the bar still ends where the rows before did.
        self.executeDelayedItemsLayout()
        self._bar.setValue(place)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Move by arrows, go to a peak by Enter; leave the letters to the canvas."""
        if event is None:
            return
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self._chosen(self.currentIndex())
        elif event.key() in _NAVIGATION:
            super().keyPressEvent(event)
        else:
            event.ignore()

    def _widths(self) -> dict[int, int]:
        """Room for the longest text of each column, of the reason for its votes, pixels."""
        metrics = self.fontMetrics()
        longest = {
            RANK: self._rank,
            KIND: max(SHORT_KINDS.values(), key=metrics.horizontalAdvance),
            SCORE: "Score0",
            REASON: _VOTES,
            STATUS: max(SHORT_STATUSES.values(), key=metrics.horizontalAdvance),
        }
        if self._name is not None:
            name = min(self._name, _LONGEST_NAME, key=metrics.horizontalAdvance)
            longest[IMAGE] = max(name, "Image0", key=metrics.horizontalAdvance)
        widths = {
            column: metrics.horizontalAdvance(text) + _PADDING for column, text in longest.items()
        }
        return widths | {STATUS: widths[STATUS] + _SQUARE + 6}
