"""The list of the images of a queue: what each is doing, and how to cancel one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QSizePolicy,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_probinst.widgets.prediction.events import Ended
from napari_probinst.widgets.scrolling_dock import button

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_IMAGE, _STATE = 0, 1
_ROWS_SHOWN = 7


class QueueView(QWidget):
    """Table of images and their states.

    Parameters
    ----------
    on_cancel : callable
        Called with the place of the image that the user cancels.
    """

    def __init__(self, on_cancel: Callable[[int], None]) -> None:
        super().__init__()
        self._on_cancel = on_cancel
        self._ended: list[Ended | None] = []
        self._running: int | None = None
        self._list = QTreeWidget()
        self._list.setObjectName("queue")
        self._list.setHeaderLabels(["Image", "State"])
        self._list.setToolTip("Images of this run, and what became of each; select one to cancel")
        self._list.setRootIsDecorated(False)
        self._list.setUniformRowHeights(True)
        self._list.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self._list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self._list.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        header = self._list.header()
        if header is not None:
            header.setStretchLastSection(True)
            header.setSectionResizeMode(_IMAGE, QHeaderView.ResizeMode.Interactive)
            header.resizeSection(_IMAGE, 110)
        self._list.itemSelectionChanged.connect(self._enable)
        self._cancel = button(
            "cancel_one",
            "Cancel this image",
            "Give up the selected image, or the one that runs; the others go on",
            self._cancel_chosen,
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._list)
        layout.addWidget(self._cancel)

    @property
    def n_waiting(self) -> int:
        """Images that have not begun."""
        return sum(ended is None for ended in self._ended) - (self._running is not None)

    def begin(self, names: Sequence[str]) -> None:
        """List the images of a new queue."""
        self._list.clear()
        self._ended = [None] * len(names)
        self._running = None
        self._list.addTopLevelItems([QTreeWidgetItem([name, "waiting"]) for name in names])
        self._fit(len(names))
        self._cancel.show()
        self._enable()

    def show_state(self, index: int, text: str) -> None:
        """Tell what is being done with an image."""
        if self._running != index:
            self._running = index
            item = self._item(index)
            if item is not None:
                self._list.scrollToItem(item)
        self._set_text(index, text)
        self._enable()

    def end(self, ended: Ended) -> None:
        """Tell what came of an image."""
        self._ended[ended.index] = ended
        if self._running == ended.index:
            self._running = None
        self._set_text(ended.index, ended.ending, ended.text)
        self._enable()

    def stop(self) -> None:
        """Tell that what has not come to an end will not."""
        self._running = None
        for index, ended in enumerate(self._ended):
            if ended is None:
                self._ended[index] = Ended(index, "cancelled")
                self._set_text(index, "not done")
        self._cancel.hide()

    def _fit(self, n_rows: int) -> None:
        """Be as high as the rows need, up to a limit."""
        row, header = self._list.sizeHintForRow(0), self._list.header()
        above = 0 if header is None else header.sizeHint().height()
        frame = 2 * self._list.frameWidth()
        self._list.setFixedHeight(above + frame + row * min(n_rows, _ROWS_SHOWN) + row // 2)

    def _item(self, index: int) -> QTreeWidgetItem | None:
        return self._list.topLevelItem(index)

    def _set_text(self, index: int, text: str, tooltip: str = "") -> None:
        item = self._item(index)
        if item is not None:
            item.setText(_STATE, text)
            item.setToolTip(_STATE, tooltip or text)
            item.setToolTip(_IMAGE, item.text(_IMAGE))

    def _chosen(self) -> int | None:
        """Image that the button is for."""
        selected = self._list.selectedItems()
        return self._list.indexOfTopLevelItem(selected[0]) if selected else self._running

    def _enable(self) -> None:
        chosen = self._chosen()
        self._cancel.setEnabled(chosen is not None and self._ended[chosen] is None)

    def _cancel_chosen(self) -> None:
        chosen = self._chosen()
        if chosen is not None:
            self._set_text(chosen, "cancelling…")
            self._list.clearSelection()
            self._on_cancel(chosen)
