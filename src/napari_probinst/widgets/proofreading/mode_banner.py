"""The banner of the Proofread dock that says which tool is on, and finishes or leaves it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal  # type: ignore[attr-defined]
from qtpy.QtWidgets import QHBoxLayout, QSpinBox, QVBoxLayout, QWidget

from napari_probinst.widgets.proofreading.previewed_tools import PartsTool
from napari_probinst.widgets.proofreading.tool_switch import BANNER_COLOUR
from napari_probinst.widgets.proofreading.wrapped_label import WrappedLabel
from napari_probinst.widgets.scrolling_dock import button

if TYPE_CHECKING:
    from qtpy.QtGui import QKeyEvent

    from napari_probinst.widgets.proofreading.tools import Tool


class ModeBanner(QWidget):
    """What the tool that is on wants; empty while none is.

    Attributes
    ----------
    asked : Signal of str
        "confirm" or "leave": the tool is to be finished, or left.
    """

    asked = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        confirm, leave = partial(self.asked.emit, "confirm"), partial(self.asked.emit, "leave")
        self._tool: Tool | None = None
        self.setObjectName("banner")
        # The one fixed colour: it must stand out in any theme.
        self.setStyleSheet(f"#banner {{ background: {BANNER_COLOUR}; border-radius: 4px; }}")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._text = WrappedLabel("banner_text", lines=2)
        self._text.setStyleSheet("color: black; font-weight: bold;")
        self._number = _NumberBox()
        self._number.confirmed.connect(confirm)
        self._number.left.connect(leave)
        self._number.setObjectName("parts")
        self._number.setRange(*PartsTool.bounds)
        self._number.valueChanged.connect(self._choose_number)
        row = QHBoxLayout()
        row.addWidget(self._number)
        row.addWidget(button("confirm", "Finish [Enter]", "Make the edit", confirm))
        row.addWidget(button("leave", "Leave [Esc]", "Leave without an edit", leave))
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 6, 8, 6)
        column.addWidget(self._text)
        column.addLayout(row)

    def show_tool(self, tool: Tool | None, refused: str = "") -> None:
        """Show the tool that is on.

        Parameters
        ----------
        tool : Tool or None
            The tool.
        refused : str, default ""
            Why the edit that it was to make was refused: said instead of what to do.
        """
        self._tool = tool
        banner = "" if tool is None else tool.banner
        mode = banner.partition(":")[0]
        self._text.setText(f"{mode}: {refused}" if tool is not None and refused else banner)
        if isinstance(tool, PartsTool):
            self._number.blockSignals(True)
            self._number.setValue(tool.number)
            self._number.blockSignals(False)
        self._number.setVisible(isinstance(tool, PartsTool))

    def _choose_number(self, number: int) -> None:
        if isinstance(self._tool, PartsTool):
            self._tool.number = number


class _NumberBox(QSpinBox):
    """Number with Enter and Escape of its own: the keys of the canvas are silent meanwhile."""

    confirmed = Signal()
    left = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setToolTip("Number of parts")

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Finish with Enter, leave with Escape."""
        if event is None:
            return
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.interpretText()
            self.confirmed.emit()
        elif event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        else:
            super().keyPressEvent(event)
