"""The queue as a table: what is left, how sure, why; a click leads there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_probinst.core.curation.peak_filter import CONTOUR, PeakFilter, jitter_mass
from napari_probinst.core.curation.review import STATUSES
from napari_probinst.widgets.proofreading.queue_model import RANK, QueueModel
from napari_probinst.widgets.proofreading.queue_view import QueueView
from napari_probinst.widgets.proofreading.queue_words import (
    SHORT_STATUSES,
    end_text,
    listed_text,
    stop_text,
)
from napari_probinst.widgets.proofreading.words import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtCore import QModelIndex

    from napari_probinst.core.curation.review import Status
    from napari_probinst.core.curation.session import CurationSession

#: What the combo boxes offer: text, and what passes.
_KIND_CHOICES: tuple[tuple[str, frozenset[str] | None], ...] = (
    ("All kinds", None),
    ("All but outlines", frozenset(KINDS) - {CONTOUR}),
    *((text, frozenset({kind})) for kind, text in KINDS.items()),
)
_STATUS_CHOICES: tuple[tuple[str, frozenset[Status]], ...] = (
    ("All but settled", frozenset(STATUSES) - {"touched"}),
    *((SHORT_STATUSES[status].capitalize(), frozenset({status})) for status in STATUSES),
    ("Every status", frozenset(STATUSES)),
)


class QueueTable(QWidget):
    """Filters, the peaks that pass them, how many these are, and whether to go on.

    The current peak is highlighted, and stays listed whatever the filters say. A click leads to
    a peak and leaves the keyboard to the canvas; with Tab the table itself takes the keyboard:
    arrows move, Enter leads there.

    Parameters
    ----------
    visit : callable
        Called with the index of the peak that was clicked.
    filter_chosen : callable, optional
        Called when another filter was chosen.
    """

    def __init__(
        self,
        visit: Callable[[int], None],
        *,
        filter_chosen: Callable[[], None] = lambda: None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._visit = visit
        self._filter_chosen = filter_chosen
        self._session: CurationSession | None = None
        self._model = QueueModel()
        self._model.setParent(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(self._build_filters())
        layout.addWidget(self._jitter)
        layout.addWidget(self._build_table(), stretch=1)
        self._listed = _line("listed")
        layout.addWidget(self._listed)
        self.show_session(None)

    @property
    def peak_filter(self) -> PeakFilter:
        """What is chosen; for `ReviewQueue.next`, `previous` and `next_open`."""
        return PeakFilter(
            kinds=_KIND_CHOICES[self._kinds.currentIndex()][1],
            statuses=_STATUS_CHOICES[self._statuses.currentIndex()][1],
            least_contour_mass=self._jitter_mass() if self._jitter.isChecked() else 0.0,
        )

    @property
    def hint(self) -> str:
        """Whether it is the end, or the time to stop; empty while the review pays."""
        if self._session is None:
            return ""
        statistics = self._session.statistics()
        n_open = self._session.queue.n_open(self.peak_filter)
        return end_text(statistics, n_open) or stop_text(statistics)

    def listed(self) -> tuple[int, ...]:
        """Peaks in the order of the rows."""
        return tuple(self._model.peaks.tolist())

    def show_session(self, session: CurationSession | None) -> None:
        """Follow a session; to be called after each of its changes, None for no session."""
        self._session = session
        self._model.show(session, self.peak_filter)
        self._highlight()
        self._count()

    def _highlight(self) -> None:
        """Highlight the current peak and have it in view."""
        position = None if self._session is None else self._session.position
        row = None if position is None else self._model.row_of(position)
        if row is None:
            self._table.clearSelection()
        else:
            self._table.setCurrentIndex(self._model.index(row, RANK))

    def _count(self) -> None:
        self.setEnabled(self._session is not None)
        if self._session is None:
            self._listed.setText("")
            self._jitter.setText("Hide contour jitter")
            return
        queue = self._session.queue
        chosen = self.peak_filter
        n_listed = int(queue.passing(chosen).sum())
        rest = PeakFilter(statuses=frozenset(STATUSES), least_contour_mass=self._jitter_mass())
        n_jitter = len(queue) - int(queue.passing(rest).sum())
        self._jitter.setText(f"Hide contour jitter ({n_jitter})")
        self._listed.setText(listed_text(n_listed, len(queue), queue.n_open(chosen)))

    def _choose_filter(self) -> None:
        self.show_session(self._session)
        self._filter_chosen()

    def _jitter_mass(self) -> float:
        if self._session is None:
            return 0.0
        return jitter_mass(self._session.prediction.settings.patch)

    def _clicked(self, index: QModelIndex) -> None:
        self._visit(int(self._model.peaks[index.row()]))
        # Where the visit was refused, the highlight goes back.
        self._highlight()

    def _build_filters(self) -> QHBoxLayout:
        self._kinds = _combo("kinds", [text for text, _ in _KIND_CHOICES])
        self._kinds.setToolTip("Likely errors to list")
        self._statuses = _combo("statuses", [text for text, _ in _STATUS_CHOICES])
        self._statuses.setToolTip("States to list")
        self._jitter = QCheckBox("Hide contour jitter")
        self._jitter.setObjectName("hide_jitter")
        self._jitter.setChecked(True)
        self._jitter.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._jitter.setToolTip(
            "Leave out uncertain outlines that are worth less entropy than one patch in full doubt"
        )
        for combo in (self._kinds, self._statuses):
            combo.activated.connect(lambda _: self._choose_filter())
        self._jitter.toggled.connect(lambda _: self._choose_filter())
        row = QHBoxLayout()
        row.addWidget(self._kinds, stretch=3)
        row.addWidget(self._statuses, stretch=2)
        return row

    def _build_table(self) -> QueueView:
        self._table = QueueView(self._clicked)
        self._table.setModel(self._model)
        self._table.setObjectName("peaks")
        self._table.setToolTip("Places where the draws disagree; Next and Previous go by rank")
        self._table.sortByColumn(RANK, Qt.SortOrder.AscendingOrder)
        self._table.setSortingEnabled(True)
        # A sort takes the highlight away.
        self._model.modelReset.connect(self._highlight)
        return self._table


def _combo(name: str, texts: list[str]) -> QComboBox:
    """Combo box that may become narrower than its longest text."""
    combo = QComboBox()
    combo.setObjectName(name)
    combo.addItems(texts)
    combo.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    combo.setMinimumContentsLength(8)
    return combo


def _line(name: str) -> QLabel:
    label = QLabel()
    label.setObjectName(name)
    label.setWordWrap(True)
    return label
