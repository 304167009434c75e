"""The peaks as rows of a table: filtered and sorted as arrays, drawn only where they are seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt
from qtpy.QtGui import QColor

from napari_probinst.core.curation.peak_filter import PeakFilter
from napari_probinst.core.curation.review import STATUSES
from napari_probinst.widgets.layers import STATUS_COLOURS
from napari_probinst.widgets.proofreading.queue_words import SHORT_STATUSES, short_kind
from napari_probinst.widgets.proofreading.words import KINDS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_probinst.core.curation.session import CurationSession

RANK, KIND, SCORE, REASON, STATUS = range(5)
_HEADERS = ("#", "Kind", "Score", "Reason", "Status")
_HEADER_TOOLTIPS = (
    "Rank: 1 is the most uncertain place",
    "Likely error",
    "Entropy summed over the place and its instances, nats",
    "What the draws see",
    "What was decided, or whether an edit has settled it",
)
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class QueueModel(QAbstractTableModel):
    """Peaks that pass a filter, in the order of a column.

    Qt's own proxy would ask for each peak in Python, at every comparison of a sort: seconds with
    20,000 peaks. Here all of them are filtered and sorted at once.
    """

    def __init__(self) -> None:
        super().__init__()
        self._session: CurationSession | None = None
        self._filter = PeakFilter()
        self._current: int | None = None
        self._column, self._descending = RANK, False
        #: Peak of each row.
        self._rows: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self._states: NDArray[np.uint8] = np.zeros(0, dtype=np.uint8)
        self._keys: dict[int, NDArray[Any]] = {}

    @property
    def peaks(self) -> NDArray[np.int64]:
        """Peak of each row, from the first row on."""
        return self._rows

    def row_of(self, peak: int) -> int | None:
        """Row of a peak; None if it is not listed."""
        found = np.flatnonzero(self._rows == peak)
        return int(found[0]) if found.size else None

    def show(self, session: CurationSession | None, peak_filter: PeakFilter) -> None:
        """Show the peaks of a session that pass a filter; cheap where nothing has changed."""
        is_new = session is not self._session
        before = self._states
        if session is None:
            self._keys, self._states, self._current = {}, np.zeros(0, np.uint8), None
        else:
            self._keys = _sort_keys(session) if is_new else self._keys
            self._states, self._current = session.queue.states(), session.position
        self._session, self._filter = session, peak_filter
        if is_new:
            self._put(self._listing())
        elif not self._list_anew():
            for peak in np.flatnonzero(self._states != before).tolist():
                row = self.row_of(peak)
                if row is not None:
                    self.dataChanged.emit(self.index(row, RANK), self.index(row, STATUS))

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Order the rows by a column, those that tie by their rank."""
        self._column = column
        self._descending = order == Qt.SortOrder.DescendingOrder
        self._list_anew()

    def _list_anew(self) -> bool:
        """Find the peaks to list; return whether rows came, went or moved."""
        rows = self._listing()
        if np.array_equal(rows, self._rows):
            return False
        self._put(rows)
        return True

    def _put(self, rows: NDArray[np.int64]) -> None:
        self.beginResetModel()
        self._rows = rows
        self.endResetModel()

    def _listing(self) -> NDArray[np.int64]:
        if self._session is None:
            return np.zeros(0, dtype=np.int64)
        passes = self._session.queue.passing(self._filter)
        if self._current is not None:
            # The place that one is at stays listed, whatever becomes of it.
            passes[self._current] = True
        rows = np.flatnonzero(passes)
        if self._column == STATUS:
            key: NDArray[Any] = self._states[rows].astype(np.int64)
        else:
            key = self._keys[self._column][rows]
        # Turned over rather than read backwards: what ties stays in the order of its rank.
        return rows[np.argsort(-key if self._descending else key, kind="stable")]

    # What Qt asks for, of the rows in view only ----------------------------------------------

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008
        """Peaks that are listed."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008
        """Rank, kind, score, reason, status."""
        return 0 if parent.isValid() else len(_HEADERS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Title of a column, or what it means."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return _HEADERS[section]
        if role == Qt.ItemDataRole.ToolTipRole:
            return _HEADER_TOOLTIPS[section]
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, colour or tooltip of a cell."""
        if self._session is None or not index.isValid():
            return None
        number = int(self._rows[index.row()])
        peak = self._session.peaks[number]
        status = STATUSES[int(self._states[number])]
        column = index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return (
                str(peak.rank),
                short_kind(peak.kind),
                f"{peak.mass:.1f}" if peak.mass < 10 else f"{peak.mass:.0f}",
                peak.reason,
                SHORT_STATUSES[status],
            )[column]
        if role == Qt.ItemDataRole.TextAlignmentRole and column in (RANK, SCORE):
            return _RIGHT
        if role == Qt.ItemDataRole.DecorationRole and column == STATUS:
            return QColor(STATUS_COLOURS[status])
        if role == Qt.ItemDataRole.ToolTipRole:
            kind = KINDS.get(peak.kind, peak.kind.capitalize())
            return f"{kind} at y {peak.y}, x {peak.x}: {peak.reason}. Click to go there."
        return None


def _sort_keys(session: CurationSession) -> dict[int, NDArray[Any]]:
    """Numbers that order the peaks by each column but the status; text as its place in order."""
    peaks = session.peaks
    texts = {KIND: [peak.kind for peak in peaks], REASON: [peak.reason for peak in peaks]}
    keys: dict[int, NDArray[Any]] = {
        column: np.unique(np.array(words, dtype=np.str_), return_inverse=True)[1]
        for column, words in texts.items()
    }
    keys[RANK] = np.array([peak.rank for peak in peaks], dtype=np.int64)
    keys[SCORE] = np.array([peak.mass for peak in peaks], dtype=np.float64)
    return keys
