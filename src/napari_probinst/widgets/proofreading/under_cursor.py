"""What is under the cursor, one line an instance; it takes the same room whatever it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import QLabel, QSizePolicy

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Lines that there is room for: a crossing of two is what is looked at most.
_LINES = 2
_MEANING = "Every instance under the cursor: its probability, and its draws"
_NOTHING = "Under the cursor: –"


class UnderCursor(QLabel):
    """Lines of text, of which the first two are seen and the tooltip has all."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("under_cursor")
        # Qt indents framed labels, also at the top.
        self.setIndent(0)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.show_lines(())

    def show_lines(self, lines: Sequence[str]) -> None:
        """Show what is there; no lines where the cursor is elsewhere."""
        rest = len(lines) - _LINES
        seen = list(lines[:_LINES]) or [_NOTHING]
        room, metrics = self.contentsRect().width(), self.fontMetrics()
        more = f" (+{rest} more)" if rest > 0 else ""
        ends = [""] * (len(seen) - 1) + [more]
        elide = Qt.TextElideMode.ElideRight
        self.setText(
            "\n".join(
                metrics.elidedText(line, elide, room - metrics.horizontalAdvance(end)) + end
                for line, end in zip(seen, ends, strict=True)
            )
        )
        self.setToolTip("\n".join([_MEANING, *lines]))

    def sizeHint(self) -> QSize:
        """Room for the lines, full or not."""
        margins = self.contentsMargins()
        height = (
            _LINES * self.fontMetrics().lineSpacing() + margins.top() + margins.bottom() + _LINES
        )
        return QSize(super().sizeHint().width(), height)

    def minimumSizeHint(self) -> QSize:
        """Room for the lines, at any width."""
        return QSize(0, self.sizeHint().height())
