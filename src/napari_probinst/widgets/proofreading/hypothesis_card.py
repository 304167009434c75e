"""One hypothesis of the draws: its picture, its key, its votes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QPoint, QRect, QSize, Qt
from qtpy.QtGui import QColor, QImage, QPainter, QPixmap
from qtpy.QtWidgets import QAbstractButton, QSizePolicy

from napari_probinst.core.inference.votes import number_word

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from qtpy.QtGui import QPaintEvent

    from napari_probinst.core.curation.proposals import Proposal

#: Side of the picture, and the space around it, pixels: two cards fit into a narrow dock.
PICTURE_SIDE, _PADDING = 130, 4
#: The picture's side where there is little room, pixels; smaller ones could not be told apart.
LEAST_SIDE = 54
_BAR_HEIGHT, _RADIUS = 4, 4
#: Text that there is room for whatever the picture's side.
_LONGEST = "12 of 16 as now"


class HypothesisCard(QAbstractButton):
    """A button with a thumbnail.

    Parameters
    ----------
    number : int
        The key that stands for it, 1 to 9.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.setObjectName(f"hypothesis_{number}")
        # The strip takes the focus of a click, for its keys.
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._number = number
        self._side = PICTURE_SIDE
        self._picture = QPixmap()
        self._share = 0.0
        self._seen = ""
        #: Whether adopting it would change nothing.
        self.is_current = False
        #: Whether it differs from what is there in outlines only, and less than the others do.
        self.is_closest = False

    def show_hypothesis(
        self,
        proposal: Proposal,
        picture: NDArray[np.uint8],
        *,
        is_current: bool,
        is_closest: bool = False,
    ) -> None:
        """Show a proposal with its thumbnail, shape (height, width, 3)."""
        height, width, _ = picture.shape
        data = picture.tobytes()
        image = QImage(data, width, height, 3 * width, QImage.Format.Format_RGB888)
        self._picture = QPixmap.fromImage(image)
        self._share = proposal.votes / proposal.n_draws
        self._seen = _count(len(proposal.instances))
        self.is_current, self.is_closest = is_current, is_closest
        # What is so already is no offer.
        cursor = Qt.CursorShape.ArrowCursor if is_current else Qt.CursorShape.PointingHandCursor
        self.setCursor(cursor)
        self.setText(f"{proposal.votes} of {proposal.n_draws}")
        self.setAccessibleName(proposal.reason)
        advice = "As it is now." if is_current else f"Click, or press {self._number}, to adopt it."
        if is_closest:
            advice = f"Closest to what you have now. {advice}"
        self.setToolTip(f"{proposal.reason}. {advice}")
        self.update()

    @property
    def side(self) -> int:
        """Side of the picture, pixels."""
        return self._side

    @side.setter
    def side(self, side: int) -> None:
        self._side = side
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Room for the picture, the votes and a line of text."""
        texts = self._side + _BAR_HEIGHT + 2 * self.fontMetrics().height()
        return QSize(self._inner_width + 2 * _PADDING, texts + 3 * _PADDING)

    @property
    def _inner_width(self) -> int:
        """Room for the picture and for the texts, also where the picture is small."""
        return max(self._side, self.fontMetrics().horizontalAdvance(_LONGEST))

    def paintEvent(self, _event: QPaintEvent | None) -> None:
        """Draw picture, key, share of the votes, and what is seen."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        ink = self.palette().color(self.foregroundRole())
        self._paint_ground(painter, ink)
        # The votes stand above the picture: in a low window its lower part may be hidden.
        height, width = self.fontMetrics().height(), self._inner_width
        votes = QRect(_PADDING, _PADDING, width, height)
        frame = QRect(0, votes.bottom() + 3, self._side, self._side)
        frame.moveLeft(_PADDING + (width - self._side) // 2)
        bar = QRect(_PADDING, frame.bottom() + 3, width, _BAR_HEIGHT)
        seen = QRect(_PADDING, bar.bottom() + 3, width, height)
        place = QRect(QPoint(), self._picture.size() * (self._side / PICTURE_SIDE))
        place.moveCenter(frame.center())
        painter.drawPixmap(place, self._picture)
        self._paint_key(painter, frame)
        painter.fillRect(bar, _faint(ink, 50))
        bar.setWidth(round(self._share * width))
        painter.fillRect(bar, ink)
        painter.setPen(ink)
        painter.drawText(seen, Qt.AlignmentFlag.AlignLeft, self._seen)
        if self.is_current or self.is_closest:
            said = "as now" if self.is_current else "≈ now"
            painter.drawText(votes, Qt.AlignmentFlag.AlignRight, said)
        bold = self.font()
        bold.setBold(True)
        painter.setFont(bold)
        painter.drawText(votes, Qt.AlignmentFlag.AlignLeft, self.text())

    def _paint_ground(self, painter: QPainter, ink: QColor) -> None:
        ground = self.rect().adjusted(1, 1, -1, -1)
        painter.setPen(_faint(ink, 255 if self.is_current or self.is_closest else 60))
        strength = 70 if self.isDown() else 35 if self.underMouse() else 0
        painter.setBrush(_faint(ink, 0 if self.is_current else strength))
        painter.drawRoundedRect(ground, _RADIUS, _RADIUS)

    def _paint_key(self, painter: QPainter, frame: QRect) -> None:
        side = self.fontMetrics().height() + 2
        badge = QRect(frame.left() + 3, frame.top() + 3, side, side)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(0, 0, 0, 180))
        painter.drawRoundedRect(badge, _RADIUS, _RADIUS)
        painter.setPen(QColor("white"))
        painter.drawText(badge, Qt.AlignmentFlag.AlignCenter, str(self._number))


def _count(number: int) -> str:
    if number == 0:
        return "nothing here"
    return f"{number_word(number)} instance{'' if number == 1 else 's'}"


def _faint(colour: QColor, alpha: int) -> QColor:
    return QColor(colour.red(), colour.green(), colour.blue(), alpha)
