"""The row of the Proofread dock that opens predictions, sessions and folders of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal  # type: ignore[attr-defined]
from qtpy.QtGui import QAction  # type: ignore[attr-defined]
from qtpy.QtWidgets import QHBoxLayout, QMenu, QPushButton, QWidget

from napari_probinst.widgets.elided import ElidedBox

if TYPE_CHECKING:
    from collections.abc import Sequence

_MEANING = "Prediction, or image of the folder or plane of the stack, to proofread"


class FileRow(QWidget):
    """What is worked on, and a button that opens more.

    Parameters
    ----------
    opening : QPushButton
        Gets the menu.

    Attributes
    ----------
    asked : Signal of str
        "open", "open_folder" or "images": something is to be opened.
    chosen : Signal of object
        What is to be worked on: a prediction, or the index of an image of the folder.
    """

    asked = Signal(str)
    chosen = Signal(object)

    def __init__(self, opening: QPushButton) -> None:
        super().__init__()
        self._listed: list[tuple[str, Any]] = []
        self._choices = ElidedBox()
        self._choices.setObjectName("predictions")
        self._choices.setPlaceholderText("Choose a prediction…")
        self._choices.activated.connect(lambda _: self.chosen.emit(self._choices.currentData()))
        menu = QMenu(opening)
        entries = {
            "open": "Prediction or session…",
            "open_folder": "Folder of predictions…",
            "images": "Folder of the images…",
        }
        for name, text in entries.items():
            entry = QAction(text, menu)
            entry.setObjectName(name)
            # `triggered` carries whether the entry is checked, which no action takes.
            entry.triggered.connect(lambda _checked, name=name: self.asked.emit(name))
            menu.addAction(entry)
        self._images = entry
        opening.setMenu(menu)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._choices, stretch=1)
        row.addWidget(opening)

    def show_choices(
        self, choices: Sequence[tuple[str, Any]], current: Any, *, in_folder: bool
    ) -> None:
        """List what can be worked on.

        Parameters
        ----------
        choices : sequence of (str, object)
            Text, and what is passed on when it is chosen.
        current : object
            What is worked on.
        in_folder : bool
            Whether a folder is reviewed, whose images may be elsewhere.
        """
        before, self._listed = self._listed, list(choices)
        self._choices.blockSignals(True)
        if [data for _, data in before] != [data for _, data in choices]:
            self._choices.clear()
            for text, data in choices:
                self._choices.add_name(text, data)
        else:
            # At every step: of many images few have news.
            for i, (text, _) in enumerate(choices):
                if text != before[i][0]:
                    self._choices.rename(i, text)
        index = next((i for i, (_, data) in enumerate(choices) if data == current), -1)
        self._choices.setCurrentIndex(index)
        self._choices.blockSignals(False)
        chosen = self._choices.currentText()
        self._choices.setToolTip("\n".join(filter(None, (chosen, _MEANING))))
        self._choices.setEnabled(bool(choices))
        self._images.setEnabled(in_folder)
