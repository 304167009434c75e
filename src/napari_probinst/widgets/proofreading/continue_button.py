"""The offer to go on with corrections that an image was given before."""

from __future__ import annotations

from functools import partial

from qtpy.QtCore import Signal  # type: ignore[attr-defined]

from napari_probinst.widgets.elided import ElidedButton
from napari_probinst.widgets.scrolling_dock import set_up

_MEANING = "Go on with the corrections that this image was given before"


class ContinueButton(ElidedButton):
    """A button that is there only where there is something to go on with.

    Attributes
    ----------
    asked : Signal of str
        "continue": it was clicked.
    """

    asked = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        set_up(self, "continue", _MEANING, partial(self.asked.emit, "continue"))
        self.hide()

    def offer(self, text: str) -> None:
        """Say what can be gone on with; an empty text withdraws the offer."""
        self.setText(text)
        self.setToolTip("\n".join(filter(None, (text, _MEANING))))
        self.setVisible(bool(text))
