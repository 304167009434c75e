"""Texts that give way where a dock is narrower than they are: the middle is left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import (
    QComboBox,
    QPushButton,
    QSizePolicy,
    QStyle,
    QStyleOptionButton,
    QStyleOptionComboBox,
    QStylePainter,
)

if TYPE_CHECKING:
    from qtpy.QtGui import QPaintEvent

#: Letters of a name that fit beside a button of a narrow dock.
_LONGEST = 24
#: Width that the list of a combo box takes at most, pixels.
_WIDEST_LIST = 700
#: Names differ at their ends, and what follows them counts as well.
_MIDDLE = Qt.TextElideMode.ElideMiddle


def short_name(name: str) -> str:
    """Name without its middle where it is long: a word that can't be wrapped widens the dock."""
    return name if len(name) <= _LONGEST else f"{name[:7]}…{name[8 - _LONGEST :]}"


class ElidedButton(QPushButton):
    """A button that takes the width it is given, however long its text is.

    ``text()`` has all of it; a tooltip is to have it, too.
    """

    def __init__(self, text: str = "") -> None:
        super().__init__(text)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def minimumSizeHint(self) -> QSize:
        """Room for the height of the text only."""
        return QSize(0, super().minimumSizeHint().height())

    def paintEvent(self, _event: QPaintEvent | None) -> None:
        """Draw the button with as much of its text as there is room for."""
        option = QStyleOptionButton()
        self.initStyleOption(option)
        painter = QStylePainter(self)
        if (style := self.style()) is not None:
            inner = QStyle.SubElement.SE_PushButtonContents
            room = style.subElementRect(inner, option, self).width()
            option.text = self.fontMetrics().elidedText(option.text, _MIDDLE, room)
        painter.drawControl(QStyle.ControlElement.CE_PushButton, option)


class ElidedBox(QComboBox):
    """A combo box of names that may be longer than it is wide; its list shows more of them."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        if (view := self.view()) is not None:
            view.setTextElideMode(_MIDDLE)

    def add_name(self, text: str, data: object) -> None:
        """Add an entry whose tooltip is its whole text."""
        self.addItem(text, data)
        self.setItemData(self.count() - 1, text, Qt.ItemDataRole.ToolTipRole)

    def rename(self, index: int, text: str) -> None:
        """Give an entry another text."""
        self.setItemText(index, text)
        self.setItemData(index, text, Qt.ItemDataRole.ToolTipRole)

    def showPopup(self) -> None:
        """Open the list, as wide as its names ask for."""
        if (view := self.view()) is not None:
            asked = view.sizeHintForColumn(0) + 2 * view.frameWidth() + _scroll_bar(self)
            view.setMinimumWidth(max(self.width(), min(asked, _WIDEST_LIST)))
        super().showPopup()

    def paintEvent(self, _event: QPaintEvent | None) -> None:
        """Draw the box with as much of what is chosen as there is room for."""
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        painter = QStylePainter(self)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        if (style := self.style()) is not None:
            edit = QStyle.SubControl.SC_ComboBoxEditField
            field = style.subControlRect(QStyle.ComplexControl.CC_ComboBox, option, edit, self)
            text = option.currentText or self.placeholderText()
            option.currentText = self.fontMetrics().elidedText(text, _MIDDLE, field.width() - 4)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)


def _scroll_bar(box: QComboBox) -> int:
    style = box.style()
    extent = QStyle.PixelMetric.PM_ScrollBarExtent
    return 0 if style is None else style.pixelMetric(extent, None, box)
