"""A text that keeps its room in a dock."""

from __future__ import annotations

from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import QLabel


class WrappedLabel(QLabel):
    """Text that keeps room for some lines, so that the buttons below it seldom move.

    Parameters
    ----------
    name : str
        Name that the label is found by.
    lines : int, default 1
        Lines that there is always room for.
    """

    def __init__(self, name: str, lines: int = 1) -> None:
        super().__init__()
        self._lines = lines
        self.setObjectName(name)
        self.setWordWrap(True)
        # Qt indents framed labels, also at the top: more than the room that is kept.
        self.setIndent(0)
        self.setAlignment(Qt.AlignmentFlag.AlignTop)

    def minimumSizeHint(self) -> QSize:
        """Room for the lines; words that can't be wrapped are not to widen the dock."""
        least = super().minimumSizeHint()
        return QSize(0, least.height()) if self.wordWrap() else least

    def heightForWidth(self, width: int) -> int:
        """Height of the text, or of all its lines; asked anew whenever the font changes."""
        margins = self.contentsMargins()
        room = self._lines * self.fontMetrics().lineSpacing() + margins.top() + margins.bottom()
        return max(super().heightForWidth(width), room)
