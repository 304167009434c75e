"""The queue as a table: what is left, how sure, why, in which image; a click leads there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal  # type: ignore[attr-defined]
from qtpy.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_probinst.core.curation.peak_filter import STATUSES, PeakFilter
from napari_probinst.core.inference.jitter import CONTOUR, jitter_mass
from napari_probinst.widgets.proofreading.queue_model import RANK, QueueModel
from napari_probinst.widgets.proofreading.queue_view import QueueView
from napari_probinst.widgets.proofreading.queue_words import (
    SHORT_STATUSES,
    end_notice,
    listed_text,
    stop_notice,
)
from napari_probinst.widgets.proofreading.words import KINDS

if TYPE_CHECKING:
    from qtpy.QtCore import QModelIndex

    from napari_probinst.core.curation.folder_review import (
        FolderProgress,
        FolderReview,
        Order,
        Unit,
    )
    from napari_probinst.core.curation.peak_filter import Status
    from napari_probinst.widgets.proofreading.queue_words import Notice

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
#: Their first texts, and those of the images, are put in words for planes, too.
_ORDER_CHOICES: tuple[tuple[str, Order], ...] = (
    ("Image by image", "image"),
    ("Highest score first", "score"),
)
_ALL_IMAGES, _THIS_IMAGE = range(2)


class QueueTable(QWidget):
    """Filters, the peaks that pass them, how many these are, and whether to go on.

    The current peak is highlighted, and stays listed whatever the filters say. A click leads to
    a peak and leaves the keyboard to the canvas; with Tab the table itself takes the keyboard:
    arrows move, Enter leads there.

    Attributes
    ----------
    visited : Signal of int
        A place was clicked: its row in the review.
    filter_chosen : Signal
        Another filter was chosen.
    order_chosen : Signal of str
        Another order of the places was chosen, "image" or "score".
    progress : FolderProgress or None
        How far the review is that is shown, of what the filter lists.
    """

    visited = Signal(int)
    filter_chosen = Signal()
    order_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.progress: FolderProgress | None = None
        self._review: FolderReview | None = None
        self._current: int | None = None
        self._model = QueueModel()
        self._model.setParent(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(self._build_filters())
        layout.addWidget(self._build_folder())
        layout.addWidget(self._build_table(), stretch=1)
        self._listed = _line("listed")
        row = QHBoxLayout()
        row.addWidget(self._listed, stretch=1)
        row.addWidget(self._jitter)
        layout.addLayout(row)
        self.show_review(None, None)

    @property
    def peak_filter(self) -> PeakFilter:
        """What is chosen; for `FolderReview.next`, `previous` and `next_open`."""
        return PeakFilter(
            kinds=_KIND_CHOICES[self._kinds.currentIndex()][1],
            statuses=_STATUS_CHOICES[self._statuses.currentIndex()][1],
            least_contour_mass=self._jitter_mass() if self._jitter.isChecked() else 0.0,
            image=self._image if self.leaves_images_out else None,
        )

    @property
    def notice(self) -> Notice | None:
        """Whether it is the end, or the time to stop; None while the review pays."""
        progress = self.progress
        return None if progress is None else end_notice(progress) or stop_notice(progress)

    @property
    def hides(self) -> bool:
        """Whether places are hidden for their kind or their size."""
        return self.progress is not None and self.progress.n_hidden > 0

    def show_hidden(self) -> None:
        """List places of every kind and size."""
        self._kinds.setCurrentIndex(0)
        if self._jitter.isChecked():
            self._jitter.setChecked(False)
        else:
            self._choose_filter()

    @property
    def leaves_images_out(self) -> bool:
        """Whether the places of one image of several are listed."""
        return self._images.currentIndex() == _THIS_IMAGE

    @property
    def unit(self) -> Unit:
        """What the places lie in."""
        return "image" if self._review is None else self._review.unit

    @property
    def has_several(self) -> bool:
        """Whether the places lie in several images or planes."""
        return self._review is not None and len(self._review.images) > 1

    def show_all_images(self) -> None:
        """List the places of all images."""
        self._images.setCurrentIndex(_ALL_IMAGES)
        self._choose_filter()

    def listed(self) -> tuple[int, ...]:
        """Places in the review, in the order of the table's rows."""
        return tuple(self._model.places.tolist())

    def show_review(self, review: FolderReview | None, current: int | None) -> None:
        """Follow a review; to be called after each of its changes.

        Parameters
        ----------
        review : FolderReview or None
            One image or many; None for none.
        current : int or None
            The place one is at.
        """
        self._review, self._current = review, current
        images = () if review is None else review.images
        self._folder.setVisible(len(images) > 1)
        if len(images) <= 1:
            self._images.setCurrentIndex(_ALL_IMAGES)
        self._name_unit()
        self.progress = None if review is None else review.progress(self.peak_filter)
        n_places = 0 if review is None else len(review)
        self._table.show_images([image.name for image in images], n_places)
        self._model.show(review, current, self.peak_filter)
        self._highlight()
        self._count()

    @property
    def _image(self) -> int | None:
        """Image one is at."""
        if self._review is None or self._current is None:
            return None
        return self._review.place(self._current)[0]

    def _name_unit(self) -> None:
        """Say of planes that they are planes."""
        self._images.setItemText(_ALL_IMAGES, f"All {self.unit}s")
        self._images.setItemText(_THIS_IMAGE, f"This {self.unit}")
        self._orders.setItemText(0, f"{self.unit.capitalize()} by {self.unit}")

    def _highlight(self) -> None:
        """Highlight the current peak and have it in view."""
        row = None if self._current is None else self._model.row_of(self._current)
        if row is None:
            self._table.clearSelection()
        else:
            self._table.setCurrentIndex(self._model.index(row, RANK))

    def _count(self) -> None:
        review = self._review
        self.setEnabled(review is not None)
        if review is None:
            self._listed.setText("")
            self._jitter.setText("Hide jitter")
            return
        chosen = self.peak_filter
        n_listed = int(review.passing(chosen).sum())
        rest = PeakFilter(statuses=frozenset(STATUSES), least_contour_mass=self._jitter_mass())
        n_jitter = len(review) - int(review.passing(rest).sum())
        self._jitter.setText(f"Hide jitter ({n_jitter})")
        n_unusable = sum(bool(image.problem) for image in review.images)
        self._listed.setText(
            listed_text(n_listed, len(review), review.n_open(chosen), n_unusable=n_unusable)
        )
        problems = (f"{image.name}: {image.problem}" for image in review.images if image.problem)
        self._listed.setToolTip("\n".join(problems))

    def _choose_filter(self) -> None:
        self.show_review(self._review, self._current)
        self.filter_chosen.emit()

    def _jitter_mass(self) -> float:
        review = self._review
        if review is None or not len(review):
            return 0.0
        # One run of `predict` gives all images the same patch.
        return jitter_mass(review.images[review.place(self._current or 0)[0]].patch)

    def _clicked(self, index: QModelIndex) -> None:
        self.visited.emit(int(self._model.places[index.row()]))
        # Where the visit was refused, the highlight goes back.
        self._highlight()

    def _build_filters(self) -> QHBoxLayout:
        self._kinds = _combo("kinds", [text for text, _ in _KIND_CHOICES])
        self._kinds.setToolTip("Likely errors to list")
        self._statuses = _combo("statuses", [text for text, _ in _STATUS_CHOICES])
        self._statuses.setToolTip("States to list")
        self._jitter = QCheckBox("Hide jitter")
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

    def _build_folder(self) -> QWidget:
        self._images = _combo("images", ["All images", "This image"])
        self._images.setToolTip("Whose places are listed")
        self._images.activated.connect(lambda _: self._choose_filter())
        self._orders = _combo("orders", [text for text, _ in _ORDER_CHOICES])
        self._orders.setToolTip(
            "How Next goes on: each one to its end, the most uncertain first, or to the highest "
            "scores wherever they are, which opens one after the other"
        )
        self._orders.activated.connect(lambda i: self.order_chosen.emit(_ORDER_CHOICES[i][1]))
        self._folder = QWidget()
        row = QHBoxLayout(self._folder)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._images, stretch=2)
        row.addWidget(self._orders, stretch=3)
        return self._folder

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
