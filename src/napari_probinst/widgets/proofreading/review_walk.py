"""Where the curator is, in one image, a stack or a folder of them, and how to get elsewhere."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.notifications import show_warning

from napari_probinst.core.curation.folder_place import FolderPlace
from napari_probinst.core.curation.folder_review import FolderReview
from napari_probinst.core.curation.step_order import StepOrder
from napari_probinst.core.errors import ProbinstError
from napari_probinst.widgets.proofreading.image_planes import ImagePlanes, title_of
from napari_probinst.widgets.proofreading.reviewed_folder import ReviewedFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_probinst.core.curation.folder_review import Order, Unit
    from napari_probinst.core.curation.image_review import ImageReview
    from napari_probinst.core.curation.peak_filter import PeakFilter
    from napari_probinst.widgets.layers import ShownPrediction
    from napari_probinst.widgets.proofreading.desk import Desk
    from napari_probinst.widgets.proofreading.review_scope import ReviewScope


class ReviewWalk:
    """The queue over the image that is worked on, or over the stack or folder it belongs to.

    Parameters
    ----------
    viewer : napari.Viewer
        Where images are shown.
    desk : Desk
        Has the prediction that is worked on.

    Attributes
    ----------
    review : FolderReview or None
        Peaks of the image, or of all planes or images; None while there is none.
    """

    def __init__(self, viewer: Any, desk: Desk) -> None:
        self.review: FolderReview | None = None
        self._viewer = viewer
        self._desk = desk
        #: What the image is reviewed together with; None while there is none.
        self._scope: ReviewScope | None = None
        self._steps = StepOrder()
        self._is_under_way = False  # whether the curator has begun: then they aren't led away
        #: What is worked on, and the index of its image in the review.
        self._shown: ShownPrediction | None = None
        self._image = 0

    @property
    def folder(self) -> Path | None:
        """Folder that is reviewed; None for a single image or a stack."""
        return None if self._scope is None else self._scope.folder

    @property
    def row(self) -> int | None:
        """Place one is at; None where there is none."""
        shown = self._desk.shown
        if self.review is None or shown is None or shown is not self._shown:
            return None
        position = shown.session.position
        return None if position is None else self.review.row(self._image, position)

    @property
    def image(self) -> int:
        """Index of the image that is worked on."""
        return self._image

    def follow(self) -> bool:
        """Take over what has become of the prediction that is worked on.

        Returns
        -------
        bool
            Whether other planes of its stack came or went meanwhile: then all rows are new.
        """
        shown = self._desk.shown
        if shown is not self._shown:
            self._arrive(shown)
        elif shown is not None and self._scope is not None and self._scope.has_changed(shown):
            self._begin(shown)
            return True
        elif shown is not None and self.review is not None:
            before = self.review.images[self._image]
            now = before.following(shown.session)
            self._is_under_way |= now.moment != before.moment
            self.review = self.review.updated(self._image, now)
            self._steps.follow(now.name, shown.session.records)
        return False

    def listed_here(self, among: PeakFilter) -> NDArray[np.bool_]:
        """Whether each peak of the image that is worked on passes a filter, shape (n_peaks,)."""
        if self.review is None:
            return np.zeros(0, dtype=bool)
        listed: NDArray[np.bool_] = self.review.passing(among)[self.review.rows[self._image]]
        return listed

    @property
    def last_step(self) -> int | None:
        """Index of the image that undo has to go to first; None where it stays in this one."""
        return self._elsewhere(self._steps.last)

    @property
    def next_step(self) -> int | None:
        """Index of the image that redo has to go to first; None where it stays in this one."""
        return self._elsewhere(self._steps.next)

    def forget_steps(self) -> None:
        """Forget the steps of the image that is worked on: they can't be taken back."""
        if self.review is not None:
            self._steps.forget(self.review.images[self._image].name)

    @property
    def step_names(self) -> dict[str, str]:
        """Names of the other images that "undo" and "redo" go to first, where they do."""
        found = {"undo": self.last_step, "redo": self.next_step}
        images = () if self.review is None else self.review.images
        return {name: images[index].name for name, index in found.items() if index is not None}

    def _elsewhere(self, of_step: Callable[[Container[str]], str | None]) -> int | None:
        if self.review is None:
            return None
        name = of_step({image.name for image in self.review.images})
        image = None if name is None else self.review.index_of(name)
        return None if image == self._image else image

    def go(self, row: int) -> bool:
        """Go to a place, in another image if need be; return whether one is there."""
        if self.review is None:
            return False
        self._is_under_way = True
        image, peak = self.review.place(row)
        entering = image != self._image or self._desk.shown is None
        if entering and not self.enter(image):
            return False
        shown = self._desk.shown
        if shown is None:
            return False
        shown.session.position = peak
        self.follow()
        if entering:
            # Within an image the journal tells the place, once there is one.
            self._note()
        return True

    def step(
        self,
        following: Callable[[FolderReview, int, PeakFilter], int | None],
        among: PeakFilter,
    ) -> bool:
        """Go to the place that ``following`` finds; return False if there is none.

        Images that turn out to be unusable are passed over.
        """
        while self.review is not None and self.row is not None:
            before = self.review
            place = following(before, self.row, among)
            if place is None:
                return False
            # Without news of an image there is a reason to stay, and it was said.
            if self.go(place) or self.review is before:
                return True
        return False

    def enter(self, image: int) -> bool:
        """Work on another image of the queue, where it was left; return whether that is done."""
        if self.review is None or self._scope is None:
            return False
        wanted = self.review.images[image]
        if wanted.problem:
            show_warning(wanted.problem)
            return False
        try:
            return self._scope.show(wanted)
        except ProbinstError as error:
            show_warning(f"{wanted.name} is passed over. {error}")
            self.review = self.review.updated(image, wanted.unusable(str(error)))
            return False

    def open_folder(
        self, path: Path, reviews: Sequence[ImageReview], among: PeakFilter
    ) -> ShownPrediction | None:
        """Review a folder, from where it was left on.

        Parameters
        ----------
        path : Path
            Folder of the predictions.
        reviews : sequence of ImageReview
            Its images.
        among : PeakFilter
            What the curator wants to see.

        Returns
        -------
        ShownPrediction or None
            What is worked on now; None if no image can be.
        """
        left = FolderPlace.read(path)
        former = self._scope
        images_path = "" if left is None else left.images
        folder = ReviewedFolder(path, self._viewer, self._desk, images_path)
        self._scope = folder
        self.review = FolderReview.of(reviews, "image" if left is None else left.order)
        self._shown, self._image = None, -1
        self._steps = StepOrder()
        folder.say_problems(self.review)
        place = None if left is None else self.review.index_of(left.image)
        first = self.review.latest if place is None else place
        candidates = range(len(self.review.images))
        for image in candidates if first is None else (first, *candidates):
            known = self.review.images[image]
            if known.problem or not self.enter(image):
                continue
            if known.peaks:
                self.go(self.review.row(image, self.review.first_open(image, among, left)))
            break
        if isinstance(former, ReviewedFolder):
            former.leave()
        self._note()
        return self._desk.shown

    def resume(self, among: PeakFilter) -> bool:
        """Go where the stack was left, unless something was done since; return whether one is."""
        stack = self._scope
        if not isinstance(stack, ImagePlanes) or not stack.is_listed:
            return False
        if self.review is None or self._is_under_way:
            return False
        left = stack.left()
        if left is not None:
            self.review = self.review.ordered(left.order)
        image = self.review.latest if left is None else self.review.index_of(left.image)
        if image is None or not self.review.images[image].peaks:
            return False
        return self.go(self.review.row(image, self.review.first_open(image, among, left)))

    def look_for_images(self, path: Path) -> None:
        """Look for the images of the folder in another folder, too."""
        if isinstance(self._scope, ReviewedFolder) and self.review is not None:
            self._scope.look_for_images(path)
            self._note()
            self._scope.say_problems(self.review)

    def order(self, order: Order) -> None:
        """Go through the places in another order from now on."""
        if self.review is not None:
            self.review = self.review.ordered(order)
            self._note()

    def close(self) -> None:
        """Note where the folder or the stack was left."""
        self._note()

    def choices(self, among: PeakFilter) -> list[tuple[str, int | ShownPrediction]]:
        """What can be worked on: the images of the queue by their index, other predictions."""
        predictions, scope = self._desk.choices, self._scope
        if scope is None or not scope.is_listed or self.review is None:
            return [(title_of(shown), shown) for shown in predictions]
        missing = set(scope.missing(image.name for image in self.review.images))
        n_open = self.review.n_open_by_image(among)
        labels = []
        for image, number in zip(self.review.images, n_open, strict=True):
            marks = "unusable" if image.problem else f"{number} open" if number else "done"
            note = ", no image" if image.name in missing and not image.problem else ""
            labels.append(f"{image.name} ({marks}{note})")
        others = [shown for shown in predictions if scope.name_of(shown) is None]
        return [
            *((label, index) for index, label in enumerate(labels)),
            *((title_of(shown), shown) for shown in others),
        ]

    @property
    def current(self) -> int | ShownPrediction | None:
        """Which of the `choices` is worked on."""
        listed = self._scope is not None and self._scope.is_listed
        return self._image if listed else self._shown

    def _arrive(self, shown: ShownPrediction | None) -> None:
        """Another prediction is worked on, or none."""
        former, self._shown = self._shown, shown
        if shown is None:
            if self.folder is None:
                self.review = self._scope = None
                self._is_under_way = False
            return
        name = None if self._scope is None else self._scope.name_of(shown)
        index = None if self.review is None or name is None else self.review.index_of(name)
        if self.review is None or index is None:
            self._begin(shown)
            return
        known, session = self.review.images[index], shown.session
        if known.peaks != session.peaks:
            # The file was written anew since the folder was read.
            known = replace(known, peaks=session.peaks, patch=session.prediction.settings.patch)
        self._image = index
        self.review = self.review.updated(index, known.following(session))
        self._steps.follow(known.name, session.records)
        # Not where the plane before was removed, as all are when napari closes.
        present = former is not None and former.instances in self._viewer.layers
        if self.folder is None and present:
            self._is_under_way = True
            self._note()

    def _begin(self, shown: ShownPrediction) -> None:
        """Review a single image, or the planes of the stack that it is one of."""
        # Planes that come to others don't change the order in which these are gone through.
        order = "image" if self.folder or self.review is None else self.review.order
        planes = ImagePlanes(self._viewer, self._desk, shown)
        unit: Unit = "plane" if planes.is_listed else "image"
        self._scope = planes
        self.review = FolderReview.of(planes.reviews(), order, unit)
        self._image = self.review.index_of(title_of(shown)) or 0
        for name, each in planes.named.items():
            self._steps.follow(name, each.session.records)

    def _note(self) -> None:
        """Note the place, so that the folder or the stack can be opened there again."""
        if self._scope is not None and self.review is not None and self.row is not None:
            self._scope.note(self.review, self.row)
