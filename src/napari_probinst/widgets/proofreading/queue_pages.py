"""One place of the dock for the list, a tool's banner or the end: so that nothing else moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

if TYPE_CHECKING:
    from napari_probinst.widgets.proofreading.queue_words import Notice


class QueuePages(QStackedWidget):
    """The list of places; while a tool is on its banner, at the end the card that says so.

    Parameters
    ----------
    table, banner, card : QWidget
        The three.
    """

    def __init__(self, table: QWidget, banner: QWidget, card: QWidget) -> None:
        super().__init__()
        self._table, self._banner, self._card = table, _at_top(banner), card
        for page in (self._table, self._banner, self._card):
            self.addWidget(page)
        self._tool = False
        self._notice: Notice | None = None
        #: Title of the notice that the curator has seen and put away.
        self._seen = ""

    def show_tool(self, is_on: bool) -> None:
        """Show the banner while a tool is on."""
        self._tool = is_on
        self._choose()

    def show_notice(self, notice: Notice | None) -> None:
        """Show the card, until it is put away or there is nothing to say any more."""
        self._notice = notice
        if notice is None or notice.title != self._seen:
            self._seen = ""
        self._choose()

    def put_away(self) -> None:
        """Show the list, although there is a notice."""
        self._seen = "" if self._notice is None else self._notice.title
        self._choose()

    def _choose(self) -> None:
        unseen = self._notice is not None and not self._seen
        page = self._banner if self._tool else self._card if unseen else self._table
        self.setCurrentWidget(page)


def _at_top(widget: QWidget) -> QWidget:
    page = QWidget()
    column = QVBoxLayout(page)
    column.setContentsMargins(0, 0, 0, 0)
    column.addWidget(widget)
    column.addStretch(1)
    return page
