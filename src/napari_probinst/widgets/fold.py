"""A part of a dock that folds up under its title."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QSizePolicy, QToolButton, QVBoxLayout, QWidget


class Fold(QWidget):
    """Widgets under a title that shows and hides them; folded up at first.

    Unlike superqt's ``QCollapsible``, it sets no heights: pictures and wrapped tables get the
    height that they ask for once they know their width.

    Parameters
    ----------
    title : str
        Text of the button; ``section TITLE`` is the name that the fold is found by.
    *widgets : QWidget
        What is shown, from top to bottom.
    """

    def __init__(self, title: str, *widgets: QWidget) -> None:
        super().__init__()
        self.setObjectName(f"section {title}")
        self._button = QToolButton()
        self._button.setText(title)
        self._button.setToolTip("Show what is below, or hide it")
        self._button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._button.setCheckable(True)
        self._button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._button.toggled.connect(self.unfold)
        self._content = QWidget()
        inner = QVBoxLayout(self._content)
        inner.setContentsMargins(0, 0, 0, 0)
        for widget in widgets:
            inner.addWidget(widget)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._button)
        layout.addWidget(self._content)
        self.unfold(False)

    def unfold(self, unfolded: bool = True) -> None:
        """Show the content, or hide it."""
        self._button.setArrowType(Qt.ArrowType.DownArrow if unfolded else Qt.ArrowType.RightArrow)
        self._button.setChecked(unfolded)
        self._content.setVisible(unfolded)
