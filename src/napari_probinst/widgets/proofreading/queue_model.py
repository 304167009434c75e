"""The peaks as rows of a table: filtered and sorted as arrays, drawn only where they are seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt
from qtpy.QtGui import QColor

from napari_probinst.core.curation.peak_filter import STATUSES, PeakFilter
from napari_probinst.widgets.layers import STATUS_COLOURS
from napari_probinst.widgets.proofreading.queue_words import SHORT_STATUSES, short_kind
from napari_probinst.widgets.proofreading.words import kind_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_probinst.core.curation.folder_review import FolderReview

RANK, KIND, SCORE, REASON, STATUS, IMAGE = range(6)
_HEADERS = ("#", "Kind", "Score", "Votes", "Status", "Image")
_HEADER_TOOLTIPS = (
    "Rank: 1 is the most uncertain place; of all images where they are gone through by score",
    "Likely error",
    "Entropy summed over the place and its instances, nats",
    "How many draws see what",
    "What was decided, or whether an edit has settled it",
    "Where the place is",
)
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
#: Columns whose high numbers matter: the first click on their titles sorts these to the top.
_HIGHEST_FIRST = frozenset({SCORE})
#: Qt reads the order as a number, which an enumeration of PyQt6 isn't.
_DESCENDING = 1


class QueueModel(QAbstractTableModel):
    """Peaks of one image or many that pass a filter, in the order of a column.

    Qt's own proxy would ask for each peak in Python, at every comparison of a sort: seconds with
    20,000 peaks. Here all of them are filtered and sorted at once.
    """

    def __init__(self) -> None:
        super().__init__()
        self._review: FolderReview | None = None
        self._filter = PeakFilter()
        self._current: int | None = None
        self._column, self._descending = RANK, False
        #: Place of each row in the review.
        self._rows: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self._states: NDArray[np.uint8] = np.zeros(0, dtype=np.uint8)
        #: Numbers that order the peaks by a column; made when it is first asked for.
        self._keys: dict[int, NDArray[Any]] = {}

    @property
    def places(self) -> NDArray[np.int64]:
        """Place of each row in the review, from the first row on."""
        return self._rows

    def row_of(self, place: int) -> int | None:
        """Row of a place; None if it is not listed."""
        found = np.flatnonzero(self._rows == place)
        return int(found[0]) if found.size else None

    def show(
        self, review: FolderReview | None, current: int | None, peak_filter: PeakFilter
    ) -> None:
        """Show the peaks of a review that pass a filter; cheap where nothing has changed.

        Parameters
        ----------
        review : FolderReview or None
            One image or many; None for none.
        current : int or None
            The place one is at: it stays listed, whatever becomes of it.
        peak_filter : PeakFilter
            What is listed.
        """
        known = self._review
        is_new = review is None or known is None or review.rows is not known.rows
        before = self._states
        self._states = np.zeros(0, np.uint8) if review is None else review.states()
        self._review, self._current, self._filter = review, current, peak_filter
        if is_new:
            self._keys = {}
            self._put(self._listing())
        elif not self._list_anew():
            for place in np.flatnonzero(self._states != before).tolist():
                row = self.row_of(place)
                if row is not None:
                    self.dataChanged.emit(self.index(row, RANK), self.index(row, IMAGE))

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Order the rows by a column, those that tie as they are gone through."""
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
        if self._review is None:
            return np.zeros(0, dtype=np.int64)
        passes = self._review.passing(self._filter)
        if self._current is not None:
            passes[self._current] = True
        rows = np.flatnonzero(passes)
        key = self._key(self._review)[rows]
        # Turned over rather than read backwards: what ties stays in the order of the walk.
        return rows[np.argsort(-key if self._descending else key, kind="stable")]

    def _key(self, review: FolderReview) -> NDArray[Any]:
        """Numbers that order all peaks by the chosen column; text as its place in order."""
        if self._column == STATUS:
            return self._states.astype(np.int64)
        if self._column not in self._keys:
            self._keys[self._column] = _sort_key(review, self._column)
        return self._keys[self._column]

    # What Qt asks for, of the rows in view only ----------------------------------------------

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008
        """Peaks that are listed."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008
        """Rank, kind, score, reason, status, image."""
        return 0 if parent.isValid() else len(_HEADERS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Title of a column, what it means, or the order of the first click on it."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            if section == IMAGE and self._review is not None:
                return self._review.unit.capitalize()
            return _HEADERS[section]
        if role == Qt.ItemDataRole.ToolTipRole:
            return _HEADER_TOOLTIPS[section]
        if role == Qt.ItemDataRole.InitialSortOrderRole and section in _HIGHEST_FIRST:
            return _DESCENDING
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, colour or tooltip of a cell."""
        review = self._review
        if review is None or not index.isValid():
            return None
        place = int(self._rows[index.row()])
        peak = review.peak(place)
        status = STATUSES[int(self._states[place])]
        column = index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return (
                str(peak.rank if review.order == "image" else place + 1),
                short_kind(peak.kind),
                f"{peak.mass:.1f}" if peak.mass < 10 else f"{peak.mass:.0f}",
                peak.reason,
                SHORT_STATUSES[status],
                review.images[review.place(place)[0]].name,
            )[column]
        if role == Qt.ItemDataRole.TextAlignmentRole and column in (RANK, SCORE):
            return _RIGHT
        if role == Qt.ItemDataRole.DecorationRole and column == STATUS:
            return QColor(STATUS_COLOURS[status])
        if role == Qt.ItemDataRole.ToolTipRole:
            kind = kind_text(peak)
            image = review.images[review.place(place)[0]].name
            where = f"{image}, " if len(review.images) > 1 else ""
            return f"{kind} at {where}y {peak.y}, x {peak.x}: {peak.reason}. Click to go there."
        return None


def _sort_key(review: FolderReview, column: int) -> NDArray[Any]:
    """Numbers that order the peaks of a review by any column but the status."""
    if column == RANK:
        return np.arange(len(review))
    if column == SCORE:
        return review.columns.mass
    if column == KIND:
        # Kinds come in the order of their names.
        return review.columns.kind.astype(np.int64)
    if column == IMAGE:
        names = np.array([image.name for image in review.images], dtype=np.str_)
        return np.unique(names, return_inverse=True)[1][review.image_of]
    reasons = np.array([review.peak(place).reason for place in range(len(review))], dtype=np.str_)
    return np.unique(reasons, return_inverse=True)[1]
