"""The card that says that the queue ends, or hardly pays any longer, and what to do next."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal  # type: ignore[attr-defined]
from qtpy.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from napari_probinst.widgets.proofreading.wrapped_label import WrappedLabel
from napari_probinst.widgets.scrolling_dock import button

if TYPE_CHECKING:
    from napari_probinst.core.curation.folder_review import Unit
    from napari_probinst.widgets.proofreading.queue_words import Notice

#: White text is read on it, in any theme; it is no colour of the canvas.
_COLOUR = "#005A8C"
#: Buttons: action, text, tooltip.
_BUTTONS = (
    ("end_save", "Save", "Write this image's corrected masks, NAME.corrected.*"),
    ("end_next", "Next image", "Work on what comes next"),
    ("end_hidden", "Show hidden", "List also the places that the filters hide"),
    ("end_list", "List", "Go back to the list of places"),
)


class NoticeCard(QWidget):
    """A title, a summary, and buttons for what may come next.

    Attributes
    ----------
    asked : Signal of str
        "end_save", "end_next", "end_hidden" or "end_list": the button that was clicked.
    """

    asked = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("notice")
        self.setStyleSheet(f"#notice {{ background: {_COLOUR}; border-radius: 4px; }}")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._title = WrappedLabel("finished")
        self._title.setStyleSheet("color: white; font-weight: bold;")
        self._text = WrappedLabel("summary", lines=2)
        self._text.setStyleSheet("color: white;")
        row = QHBoxLayout()
        row.setSpacing(3)
        self._buttons = {
            name: button(name, text, tooltip, partial(self.asked.emit, name))
            for name, text, tooltip in _BUTTONS
        }
        for made in self._buttons.values():
            row.addWidget(made)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 6, 8, 6)
        column.setSpacing(4)
        for label in (self._title, self._text):
            column.addWidget(label)
        column.addStretch(1)
        column.addLayout(row)
        self.show_notice(None, hidden=False, following=False)

    def show_notice(
        self, notice: Notice | None, *, hidden: bool, following: bool, unit: Unit = "image"
    ) -> None:
        """Show a notice.

        Parameters
        ----------
        notice : Notice or None
            What is said; None for nothing.
        hidden : bool
            Whether filters hide places that could be shown.
        following : bool
            Whether there is another image to go to.
        unit : "image" or "plane", default "image"
            What it is.
        """
        self._title.setText("" if notice is None else notice.title)
        self._text.setText("" if notice is None else notice.text)
        for name, useful in (("end_hidden", hidden), ("end_next", following)):
            self._buttons[name].setVisible(useful)
        self._buttons["end_next"].setText(f"Next {unit}")
