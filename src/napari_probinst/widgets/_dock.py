"""What both docks share: a scroll area, so that they are usable on small screens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QPushButton, QScrollArea, QVBoxLayout, QWidget

if TYPE_CHECKING:
    from collections.abc import Callable

#: Width that fits a notebook's screen beside the canvas, pixels.
MINIMUM_WIDTH = 330


class ScrollingDock(QWidget):
    """A dock whose content scrolls where the screen is too small for it.

    Subclasses add their parts to ``content``.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
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


def button(name: str, text: str, tooltip: str, clicked: Callable[[], None]) -> QPushButton:
    """Button that is found by ``name`` and leaves the keyboard to the canvas."""
    made = QPushButton(text)
    made.setObjectName(name)
    made.setToolTip(tooltip)
    # A button that took the focus would take Space and Enter from the canvas with it.
    made.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    made.clicked.connect(lambda: clicked())
    return made
