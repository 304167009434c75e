"""What an image is reviewed together with: the planes of its stack, or the images of a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from napari_probinst.core.curation.folder_review import FolderReview
    from napari_probinst.core.curation.image_review import ImageReview
    from napari_probinst.widgets.layers import ShownPrediction


class ReviewScope(Protocol):
    """Images that share one queue, each known by its name."""

    @property
    def folder(self) -> Path | None:
        """Folder that they are in; None where all of them are in the viewer."""
        ...

    @property
    def is_listed(self) -> bool:
        """Whether they are offered one by one; a single image is not."""
        ...

    def has_changed(self, shown: ShownPrediction) -> bool:
        """Whether others than these are reviewed together with a prediction by now."""
        ...

    def name_of(self, shown: ShownPrediction | None) -> str | None:
        """Name of the image that a prediction is of; None for any other prediction."""
        ...

    def missing(self, names: Iterable[str]) -> tuple[str, ...]:
        """Names of those that can only be shown without their pixels."""
        ...

    def show(self, image: ImageReview) -> bool:
        """Work on an image; False if the one that is worked on can't be left now.

        Raises
        ------
        ProbinstError
            If it can't be used: then everything stays as it is.
        """
        ...

    def note(self, review: FolderReview, row: int) -> None:
        """Note the place, so that the review can go on there."""
        ...
