"""Where one is: the place in the queue and the folder, what is likely wrong there, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from napari_probinst.widgets.elided import short_name
from napari_probinst.widgets.proofreading.elided_line import ElidedLine
from napari_probinst.widgets.proofreading.queue_words import folder_text, hidden_text
from napari_probinst.widgets.proofreading.words import (
    peak_text,
    position_text,
    reason_text,
    removed_text,
    statistics_text,
)
from napari_probinst.widgets.proofreading.wrapped_label import WrappedLabel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtWidgets import QLabel

    from napari_probinst.core.curation.folder_review import FolderProgress, FolderReview
    from napari_probinst.core.curation.peak_filter import PeakFilter
    from napari_probinst.core.curation.session import CurationSession


class PlaceBox(QWidget):
    """Lines of text about the current place."""

    def __init__(self) -> None:
        super().__init__()
        self._position = WrappedLabel("position")
        self._position.setWordWrap(False)
        _emphasise(self._position, larger=6)
        self._statistics = WrappedLabel("statistics", lines=2)
        self._folder = ElidedLine("folder")
        self._folder.hide()
        self._kind = WrappedLabel("kind")
        _emphasise(self._kind)
        self._reason = WrappedLabel("reason", lines=3)
        head = QHBoxLayout()
        head.setSpacing(10)
        head.addWidget(self._position)
        head.addWidget(self._statistics, stretch=1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(head)
        for label in (self._folder, self._kind, self._reason):
            column.addWidget(label)

    def show_nothing(self, removed: Sequence[str] = ()) -> None:
        """Say what to do where there is no prediction, or whose instances were removed."""
        self._position.setText("No prediction")
        self._kind.setText("Run Predict, or open a prediction's file.")
        if removed:
            self._kind.setText("Choose a prediction above.")
        self._reason.setText(removed_text(short_name(removed[-1])) if removed else "")
        self._statistics.setText("")
        self._folder.hide()

    def show_opening(self, name: str) -> None:
        """Say at once what is being opened."""
        self._kind.setText(f"Opening {short_name(name)}…")
        self._reason.setText("")
        self.repaint()

    def show_reading(self, done: int, total: int) -> None:
        """Say how much of a folder is read."""
        self._folder.setText(f"Reading the folder: {done} of {total}")
        self._folder.show()

    def show_place(
        self,
        session: CurationSession,
        review: FolderReview,
        row: int | None,
        image: int,
        progress: FolderProgress,
        *,
        among: PeakFilter,
        edited: str = "",
    ) -> None:
        """Show a place.

        Parameters
        ----------
        session : CurationSession
            Corrections of the image that is worked on.
        review : FolderReview
            The queue over this image, or over all of the folder.
        row : int or None
            Place one is at.
        image : int
            Index of the image that is worked on.
        progress : FolderProgress
            How far the review is.
        among : PeakFilter
            What is listed, and counted.
        edited : str, default ""
            What the last edit has done.
        """
        self._position.setText(position_text(review, row, among))
        self._statistics.setText(statistics_text(progress))
        hidden = f"{hidden_text(progress)} hidden" if progress.n_hidden else ""
        self._statistics.setToolTip(hidden)
        self._folder.setText(folder_text(progress, image, review.images[image].name))
        self._folder.setToolTip(review.images[image].name)
        self._folder.setVisible(len(review.images) > 1)
        self._kind.setText(peak_text(session))
        self._reason.setText(reason_text(session, edited))


def _emphasise(label: QLabel, larger: int = 0) -> None:
    """Make a text bold, and larger by some points."""
    font = label.font()
    font.setPointSize(font.pointSize() + larger)
    font.setBold(True)
    label.setFont(font)
