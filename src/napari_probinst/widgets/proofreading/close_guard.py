"""Asks before napari's window closes on work that isn't on the disk; it never prevents closing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QMainWindow, QMessageBox, QWidget

if TYPE_CHECKING:
    from collections.abc import Callable


class CloseGuard(QObject):
    """Watches the main window that a dock is in.

    Parameters
    ----------
    dock : QWidget
        Its owner; the watch ends with it.
    at_stake : callable
        Returns a sentence about what closing would lose, None if there is nothing.
    """

    def __init__(self, dock: QWidget, at_stake: Callable[[], str | None]) -> None:
        super().__init__(dock)
        self._dock = dock
        self._at_stake = at_stake
        self._watching = False
        #: Asks whether to close all the same; tests put their own answer here.
        self.confirm: Callable[[str], bool] = self._ask

    def watch(self) -> None:
        """Watch the window that the dock is in now."""
        window = self._dock.window()
        # Not kept: napari takes a window that something refers to for a leak.
        if not self._watching and isinstance(window, QMainWindow):
            self._watching = True
            window.installEventFilter(self)

    def stop(self) -> None:
        """Say nothing from now on."""
        self._at_stake = lambda: None

    def eventFilter(self, _watched: QObject | None, event: QEvent | None) -> bool:
        """Ask before the window closes."""
        if event is None or event.type() != QEvent.Type.Close:
            return False
        lost = self._at_stake()
        if lost is None or self.confirm(f"{lost} Close napari all the same?"):
            return False
        event.ignore()
        return True

    def _ask(self, question: str) -> bool:
        answer: Any = QMessageBox.question(self._dock, "Proofread", question)
        return bool(answer == QMessageBox.StandardButton.Yes)
