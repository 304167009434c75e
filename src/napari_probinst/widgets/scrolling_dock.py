"""What all docks share: a scroll area, so that they are usable on small screens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from qtpy.QtCore import QEvent, Qt, QTimer
from qtpy.QtWidgets import (
    QDockWidget,
    QFrame,
    QMainWindow,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtGui import QCloseEvent, QShowEvent

_Button = TypeVar("_Button", bound=QPushButton)

#: Width that fits a notebook's screen beside the canvas, pixels.
MINIMUM_WIDTH = 330


class _OneInAWindow(type(QWidget)):  # type: ignore[misc]
    """Gives the dock of a kind that a window has already where another one is asked for.

    napari gives a dock of its menus another title than one that a program opens, and makes a
    second one: two would drive the same session, and bind the same keys.
    """

    def __call__(cls, napari_viewer: Any) -> Any:
        for opened in napari_viewer.window.dock_widgets.values():
            if isinstance(opened, cls):
                opened.leave_place(napari_viewer)
                return opened
        return super().__call__(napari_viewer)


class ScrollingDock(QWidget, metaclass=_OneInAWindow):
    """A dock whose content scrolls where the screen is too small for it; one of a kind a window.

    Subclasses take the viewer as ``napari_viewer``, add their parts to ``content``, and clean up
    in `on_close`.
    """

    def __init__(self) -> None:
        super().__init__()
        inner = QWidget()
        self.content = QVBoxLayout(inner)
        self.content.setAlignment(Qt.AlignmentFlag.AlignTop)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inner)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scroll)
        self.setMinimumWidth(MINIMUM_WIDTH)
        self._closed = False
        self._placed = False
        self._moving = False

    def on_close(self) -> None:
        """Leave nothing behind; called once."""

    def leave_place(self, viewer: Any) -> None:
        """Come out of the frame that napari put this dock in, to be put in another."""
        self._moving = True
        try:
            viewer.window.remove_dock_widget(self)
        finally:
            self._moving = False
        self._placed = False

    def showEvent(self, event: QShowEvent | None) -> None:
        """Share one place with our other docks, when shown for the first time."""
        super().showEvent(event)
        if not self._placed:
            self._placed = True
            # napari is still placing the dock.
            QTimer.singleShot(0, self._share_place)

    def _share_place(self) -> None:
        """Become a tab beside our other docks: stacked, neither would have room to be read."""
        dock = self.parent()
        window = self.window()
        if not isinstance(dock, QDockWidget) or not isinstance(window, QMainWindow):
            return
        for other in window.findChildren(QDockWidget):
            ours = other is not dock and isinstance(other.widget(), ScrollingDock)
            if ours and window.dockWidgetArea(other) == window.dockWidgetArea(dock):
                window.tabifyDockWidget(other, dock)
        dock.raise_()

    def changeEvent(self, event: QEvent | None) -> None:
        """Notice that the dock was closed: napari takes its widget out, and no event tells."""
        super().changeEvent(event)
        reparented = event is not None and event.type() == QEvent.Type.ParentChange
        # Qt sends events also while the widget is being built.
        if reparented and self.parent() is None and not getattr(self, "_moving", True):
            self._close_once()

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """Notice that the widget was closed as a window of its own."""
        self._close_once()
        super().closeEvent(event)

    def _close_once(self) -> None:
        # Qt sends events also while the widget is being built.
        if not getattr(self, "_closed", True):
            self._closed = True
            self.on_close()


def button(name: str, text: str, tooltip: str, clicked: Callable[[], None]) -> QPushButton:
    """Button that is found by ``name`` and leaves the keyboard to the canvas."""
    return set_up(QPushButton(text), name, tooltip, clicked)


def form_button(name: str, text: str, tooltip: str, clicked: Callable[[], None]) -> QPushButton:
    """Button that Tab reaches, of a dock that is a form and takes no keys from the canvas."""
    made = button(name, text, tooltip, clicked)
    made.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    return made


def set_up(made: _Button, name: str, tooltip: str, clicked: Callable[[], None]) -> _Button:
    """Give a button its name, its tooltip and what it does; it takes no focus."""
    made.setObjectName(name)
    made.setToolTip(tooltip)
    # A button that took the focus would take Space and Enter from the canvas with it.
    made.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    # `clicked` carries whether the button is checked, which no action takes.
    made.clicked.connect(lambda _checked: clicked())
    return made
