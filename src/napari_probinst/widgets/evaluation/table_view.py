"""A table of a report in a dock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtGui import QGuiApplication, QKeySequence
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QSizePolicy,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

if TYPE_CHECKING:
    from qtpy.QtGui import QKeyEvent, QResizeEvent

    from napari_probinst.core.evaluation.report_tables import Table

#: Longer tables scroll by themselves.
_MOST_ROWS = 16
#: Wider tables scroll; narrower ones give what is left to their first column, which wraps.
_MOST_COLUMNS = 4


class TableView(QTableWidget):
    """Text that is read, selected and copied (Ctrl+C), not changed.

    Parameters
    ----------
    table : Table
        Its note becomes the tooltip.
    name : str
        Name that the widget is found by.
    """

    def __init__(self, table: Table, name: str, parent: QWidget | None = None) -> None:
        super().__init__(len(table.rows), len(table.columns), parent)
        self.setObjectName(name)
        self.setToolTip(table.note)
        self.setHorizontalHeaderLabels(list(table.columns))
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setWordWrap(True)
        # A table would take all the height there is, and leave gaps around it.
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        side = self.verticalHeader()
        if side is not None:
            side.hide()
        for row, cells in enumerate(table.rows):
            for column, text in enumerate(cells):
                item = QTableWidgetItem(text)
                item.setToolTip(table.note)
                if column:
                    item.setTextAlignment(
                        Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
                    )
                if row in table.emphasised:
                    font = item.font()
                    font.setBold(True)
                    item.setFont(font)
                self.setItem(row, column, item)
        head = self.horizontalHeader()
        if head is not None:
            head.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
            if len(table.columns) <= _MOST_COLUMNS:
                head.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self._fit()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Wrap anew, and be as high as the rows are then."""
        super().resizeEvent(event)
        self._fit()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Copy the selected cells, with tabs between the columns."""
        if event is not None and event.matches(QKeySequence.StandardKey.Copy):
            clipboard = QGuiApplication.clipboard()
            if clipboard is not None:
                clipboard.setText(self.selected_text())
            return
        super().keyPressEvent(event)

    def selected_text(self) -> str:
        """Selected cells, with tabs between columns and a line for each row."""
        rows: dict[int, list[str]] = {}
        for index in sorted(
            self.selectedIndexes(), key=lambda index: (index.row(), index.column())
        ):
            item = self.item(index.row(), index.column())
            rows.setdefault(index.row(), []).append("" if item is None else item.text())
        return "\n".join("\t".join(cells) for cells in rows.values())

    def _fit(self) -> None:
        self.resizeRowsToContents()
        head, bar = self.horizontalHeader(), self.horizontalScrollBar()
        height = sum(self.rowHeight(row) for row in range(min(self.rowCount(), _MOST_ROWS)))
        height += 0 if head is None else head.sizeHint().height()
        if bar is not None and bar.maximum() > 0:
            height += bar.sizeHint().height()
        self.setFixedHeight(height + 2 * self.frameWidth())
