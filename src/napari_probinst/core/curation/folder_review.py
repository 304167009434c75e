"""The queue over many images: which there are, how far each is, and what comes next.

Two orders are offered. Image by image, the most uncertain image first and its peaks by their
rank, is the usual one: an image is opened once and finished, and the context of one place helps
with the next. By score, over all images at once, spends the first minutes on the worst places
wherever they lie, but most steps open another image.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import TYPE_CHECKING, Literal

import numpy as np

from napari_probinst.core.curation.peak_filter import PeakFilter
from napari_probinst.core.curation.review import count_states
from napari_probinst.core.curation.session import RECENT_PEAKS
from napari_probinst.core.curation.walk import PeakColumns, PeakWalk
from napari_probinst.core.inference.jitter import CONTOUR

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self

    from numpy.typing import NDArray

    from napari_probinst.core.curation.folder_place import FolderPlace
    from napari_probinst.core.curation.image_review import ImageReview
    from napari_probinst.core.curation.review import ReviewStatistics
    from napari_probinst.core.instances import Peak

#: Image by image, or by the score of all peaks.
Order = Literal["image", "score"]
#: What the peaks lie in: images of a folder, or planes of a stack.
Unit = Literal["image", "plane"]


@dataclass(frozen=True, slots=True)
class FolderProgress:
    """How far the review of all images is.

    Parameters
    ----------
    n_images : int
        Images that can be reviewed.
    n_done : int
        Those in which no peak that passes the filter is open.
    n_edits : int
        Edits that hold, in all images.
    peaks : ReviewStatistics
        The peaks that the filter lists, whatever became of them.
    n_hidden : int, default 0
        Peaks that it doesn't list, whatever became of them; those of images that it leaves out
        don't count.
    n_hidden_contours : int, default 0
        Those of them at which nothing but an outline is in doubt.
    unit : "image" or "plane", default "image"
        What the images are.
    """

    n_images: int
    n_done: int
    n_edits: int
    peaks: ReviewStatistics
    n_hidden: int = 0
    n_hidden_contours: int = 0
    unit: Unit = "image"


@dataclass(frozen=True, slots=True, eq=False)
class FolderReview(PeakWalk):
    """Peaks of all images in the order in which they are gone through.

    A row is the position of a peak in this order. Made by `FolderReview.of`; nothing in it ever
    changes, `updated` gives another one.

    Parameters
    ----------
    images : tuple of ImageReview
        The most uncertain first; on a tie in the order of their names.
    order : "image" or "score"
        Order of the rows.
    image_of, peak_of : ndarray of int, shape (n_rows,)
        Index of each row's image, and of its peak in that image.
    rows : tuple of ndarray of int
        For each image the row of each of its peaks.
    unit : "image" or "plane"
        What the images are: of a folder, or the planes of a stack.
    """

    images: tuple[ImageReview, ...]
    order: Order
    image_of: NDArray[np.intp]
    peak_of: NDArray[np.intp]
    rows: tuple[NDArray[np.intp], ...]
    unit: Unit
    _columns: PeakColumns
    _states: NDArray[np.uint8]

    @classmethod
    def of(
        cls, images: Iterable[ImageReview], order: Order = "image", unit: Unit = "image"
    ) -> Self:
        """Put images and their peaks in order."""
        ranked = tuple(sorted(images, key=lambda image: (-image.uncertainty, image.name)))
        sizes = [len(image.peaks) for image in ranked]
        columns = PeakColumns.of(chain.from_iterable(image.peaks for image in ranked))
        image_of = np.repeat(np.arange(len(ranked)), sizes)
        starts = np.cumsum([0, *sizes])
        peak_of = np.arange(len(image_of)) - starts[image_of]
        sequence = np.arange(len(image_of))
        if order == "score":
            # Stable: what ties stays in the order of images and ranks.
            sequence = np.argsort(-columns.mass, kind="stable")
        row_of = np.empty_like(sequence)
        row_of[sequence] = np.arange(len(sequence))
        rows = tuple(
            row_of[start : start + size] for start, size in zip(starts, sizes, strict=False)
        )
        states = np.concatenate([np.zeros(0, np.uint8), *(image.states for image in ranked)])
        return cls(
            ranked,
            order,
            image_of[sequence],
            peak_of[sequence],
            rows,
            unit,
            columns[sequence],
            states[sequence],
        )

    def ordered(self, order: Order) -> Self:
        """Return the same images in another order of the rows."""
        return self if order == self.order else self.of(self.images, order, self.unit)

    def updated(self, index: int, image: ImageReview) -> Self:
        """Return the review with news of one image.

        Parameters
        ----------
        index : int
            Index of the image.
        image : ImageReview
            What it is like now. With the same peaks the rows stay what they are.
        """
        images = (*self.images[:index], image, *self.images[index + 1 :])
        if image.peaks is not self.images[index].peaks:
            return self.of(images, self.order, self.unit)
        states = self._states.copy()
        states[self.rows[index]] = image.states
        return replace(self, images=images, _states=states)

    @property
    def columns(self) -> PeakColumns:
        """What filters ask of the rows."""
        return self._columns

    def states(self) -> NDArray[np.uint8]:
        """Place of each row's state in `STATUSES`, shape (n_rows,)."""
        return self._states

    def passing(self, among: PeakFilter) -> NDArray[np.bool_]:
        """Whether each row passes a filter, shape (n_rows,)."""
        # Named, as a slotted dataclass is another class than the one `super()` remembers.
        passes = PeakWalk.passing(self, among)
        if among.image is not None:
            passes &= self.image_of == among.image
        return passes

    def place(self, row: int) -> tuple[int, int]:
        """Index of a row's image, and of its peak in that image."""
        return int(self.image_of[row]), int(self.peak_of[row])

    def row(self, image: int, peak: int) -> int:
        """Row of a peak of an image."""
        return int(self.rows[image][peak])

    def peak(self, row: int) -> Peak:
        """Peak of a row."""
        image, peak = self.place(row)
        return self.images[image].peaks[peak]

    def index_of(self, name: str) -> int | None:
        """Index of the image of this name that can be reviewed; None if there is none."""
        named = (
            i for i, image in enumerate(self.images) if image.name == name and not image.problem
        )
        return next(named, None)

    @property
    def latest(self) -> int | None:
        """Image that was worked on last; None where none ever was."""
        worked = [index for index, image in enumerate(self.images) if image.moment]
        return max(worked, key=lambda index: self.images[index].moment, default=None)

    def first_open(self, image: int, among: PeakFilter, noted: FolderPlace | None = None) -> int:
        """Peak of an image to begin with: where it was left, else the first open one.

        The journal tells where, or what was noted apart from it; 0 where none passes, also in an
        image without peaks.
        """
        left = self.images[image]
        if left.moment and left.position is not None:
            return left.position
        if noted is not None and noted.image == left.name and noted.peak < len(left.peaks):
            return noted.peak
        passing = self.open_passing(replace(among, image=image))[self.rows[image]]
        return int(passing.argmax()) if passing.any() else 0

    def n_open_by_image(self, among: PeakFilter) -> NDArray[np.intp]:
        """Open peaks of each image that pass, whichever image the filter asks for."""
        open_rows = self.open_passing(replace(among, image=None))
        return np.bincount(self.image_of[open_rows], minlength=len(self.images))

    def progress(self, among: PeakFilter) -> FolderProgress:
        """Count images, peaks and edits; an image is done once nothing that passes is open."""
        n_open = self.n_open_by_image(among)
        usable = [index for index, image in enumerate(self.images) if not image.problem]
        listed = self.passing(among.in_any_state)
        hidden = self.passing(PeakFilter(image=among.image).in_any_state) & ~listed
        contours = (self.columns.kinds == CONTOUR)[self.columns.kind]
        return FolderProgress(
            n_images=len(usable),
            n_done=int(np.count_nonzero(n_open[usable] == 0)),
            n_edits=sum(image.n_edits for image in self.images),
            peaks=self._statistics(listed),
            n_hidden=int(np.count_nonzero(hidden)),
            n_hidden_contours=int(np.count_nonzero(hidden & contours)),
            unit=self.unit,
        )

    def position(self, row: int, among: PeakFilter) -> tuple[int | None, int]:
        """Where a row is among those that a filter lists, whatever became of them.

        Parameters
        ----------
        row : int
            The row.
        among : PeakFilter
            What is listed.

        Returns
        -------
        position : int or None
            From 1; None for a row that isn't listed.
        total : int
            Rows that are: of its image, or of all images where their scores are mixed.
        """
        listed = self.passing(among.in_any_state)
        if self.order == "image":
            listed &= self.image_of == self.image_of[row]
        place = int(np.count_nonzero(listed[: row + 1])) if listed[row] else None
        return place, int(np.count_nonzero(listed))

    def _statistics(self, counted: NDArray[np.bool_]) -> ReviewStatistics:
        """Count peaks; looked back on are those finished last in the images worked on last."""
        by_time = sorted(self.images, key=lambda image: image.moment, reverse=True)
        recent = chain.from_iterable(image.recent for image in by_time)
        return count_states(self._states, self.columns.mass, islice(recent, RECENT_PEAKS), counted)
