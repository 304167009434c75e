"""Scrolling back to the top, where that takes nothing out of the curator's hands."""

from __future__ import annotations

from qtpy.QtWidgets import QApplication, QScrollArea, QTableView, QWidget

from napari_probinst.widgets.proofreading.keys import typing_text


def show_top(part: QWidget) -> None:
    """Scroll all that a part lies in to the top, unless somebody types or is in a table."""
    if typing_text() or isinstance(QApplication.focusWidget(), QTableView):
        return
    above = part.parentWidget()
    while above is not None:
        if isinstance(above, QScrollArea) and (bar := above.verticalScrollBar()) is not None:
            bar.setValue(0)
        above = above.parentWidget()
