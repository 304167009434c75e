"""A figure of a report in a dock: as wide as the dock, and at full size on a click."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QPixmap
from qtpy.QtWidgets import QDialog, QLabel, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

if TYPE_CHECKING:
    from qtpy.QtGui import QKeyEvent, QMouseEvent, QResizeEvent

    from napari_probinst.core.evaluation.report_figures import ReportFigure

_MARGIN = 40


class FigureView(QLabel):
    """A picture that fits its width.

    Parameters
    ----------
    figure : ReportFigure
        The caption becomes the tooltip.
    """

    def __init__(self, figure: ReportFigure, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(f"figure {figure.name}")
        self.setToolTip(f"{figure.caption} Click or press Enter to enlarge.".strip())
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._caption = figure.caption
        self._full = QPixmap()
        self._full.loadFromData(figure.png)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Scale the picture."""
        super().resizeEvent(event)
        width = max(self.width(), 1)
        self.setFixedHeight(max(round(width * self._full.height() / self._full.width()), 1))
        ratio = self.devicePixelRatioF()
        scaled = self._full.scaledToWidth(
            round(width * ratio), Qt.TransformationMode.SmoothTransformation
        )
        scaled.setDevicePixelRatio(ratio)
        self.setPixmap(scaled)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Enlarge."""
        del event
        self.enlarge()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Enlarge by Enter or Space."""
        keys = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space)
        if event is not None and event.key() in keys:
            self.enlarge()
        else:
            super().keyPressEvent(event)

    def enlarge(self) -> QDialog:
        """Show it at full size, as far as the screen allows, in a window that may stay open."""
        dialog = QDialog(self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setWindowTitle(self.objectName().removeprefix("figure ").replace("_", " "))
        picture = QLabel()
        picture.setPixmap(self._full)
        area = QScrollArea()
        area.setWidget(picture)
        caption = QLabel(self._caption)
        caption.setWordWrap(True)
        layout = QVBoxLayout(dialog)
        layout.addWidget(area)
        layout.addWidget(caption)
        wanted = self._full.size() + QSize(_MARGIN, 2 * _MARGIN)
        screen = self.screen()
        dialog.resize(wanted if screen is None else wanted.boundedTo(screen.availableSize()))
        dialog.show()
        return dialog
