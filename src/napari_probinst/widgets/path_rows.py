"""Rows of a form that hold files and folders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal  # type: ignore[attr-defined]
from qtpy.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_ROWS_SHOWN = 3


class FolderList(QWidget):
    """Folders, each once, with buttons to add one and to take one away."""

    changed = Signal()

    def __init__(self, title: str, tooltip: str) -> None:
        super().__init__()
        self._title = title
        #: Asks for a folder, or None; tests put their own answer here.
        self.choose: Callable[[], Path | None] = self._choose
        self._list = QListWidget()
        self._list.setObjectName("folders")
        self._list.setToolTip(tooltip)
        self._list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self._list.setTextElideMode(Qt.TextElideMode.ElideLeft)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # A list would take all the height there is, and leave gaps around it.
        self._list.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._list.setFixedHeight(_ROWS_SHOWN * (self._list.fontMetrics().height() + 8))
        self._add = QPushButton("Add folder…")
        self._add.setObjectName("add_folder")
        self._add.setToolTip(tooltip)
        self._add.clicked.connect(lambda _: self._add_chosen())
        self._remove = QPushButton("Remove")
        self._remove.setObjectName("remove_folder")
        self._remove.setToolTip("Take the selected folders off the list; nothing is deleted")
        self._remove.clicked.connect(lambda _: self._remove_selected())
        self._list.itemSelectionChanged.connect(self._enable)
        buttons = QHBoxLayout()
        buttons.addWidget(self._add)
        buttons.addWidget(self._remove)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._list)
        layout.addLayout(buttons)
        self._enable()

    @property
    def paths(self) -> tuple[Path, ...]:
        """The folders, in the order they were added."""
        items = (self._list.item(row) for row in range(self._list.count()))
        return tuple(Path(item.toolTip()) for item in items if item is not None)

    def add(self, folder: Path) -> None:
        """Add a folder unless it is there."""
        if folder in self.paths:
            return
        item = QListWidgetItem(str(folder))
        item.setToolTip(str(folder))
        self._list.addItem(item)
        self.changed.emit()

    def _add_chosen(self) -> None:
        folder = self.choose()
        if folder is not None:
            self.add(folder)

    def _remove_selected(self) -> None:
        for item in self._list.selectedItems():
            self._list.takeItem(self._list.row(item))
        self._enable()
        self.changed.emit()

    def _enable(self) -> None:
        self._remove.setEnabled(bool(self._list.selectedItems()))

    def _choose(self) -> Path | None:
        start = str(self.paths[-1].parent) if self.paths else ""
        folder = QFileDialog.getExistingDirectory(self, self._title, start)
        return Path(folder) if folder else None


def beside(box: QLineEdit | QComboBox, *buttons: QToolButton) -> QWidget:
    """A box with its buttons in one row of a form."""
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.addWidget(box, stretch=1)
    for each in buttons:
        layout.addWidget(each)
    return row


def browse_button(
    name: str, tooltip: str, clicked: Callable[[], None], text: str = "…"
) -> QToolButton:
    """Small button that opens a dialog of files; reached by Tab."""
    made = QToolButton()
    made.setObjectName(name)
    made.setText(text)
    made.setToolTip(tooltip)
    made.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    made.clicked.connect(lambda _: clicked())
    return made


def shrinking_box(name: str, tooltip: str) -> QComboBox:
    """Combo box that a long entry doesn't make wider than the dock."""
    box = QComboBox()
    box.setObjectName(name)
    box.setToolTip(tooltip)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(8)
    return box
