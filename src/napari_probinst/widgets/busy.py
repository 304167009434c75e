"""A sign of life while the window can't answer."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qtpy.QtWidgets import QPushButton


@contextmanager
def busy(*offers: QPushButton) -> Iterator[None]:
    """Show a waiting cursor and grey buttons, at once: Qt would draw them when it is over.

    Parameters
    ----------
    *offers : QPushButton
        What can't be clicked meanwhile.
    """
    for offer in offers:
        offer.setEnabled(False)
        offer.repaint()
    QApplication.setOverrideCursor(Qt.CursorShape.WaitCursor)
    try:
        yield
    finally:
        QApplication.restoreOverrideCursor()
        for offer in offers:
            offer.setEnabled(True)
